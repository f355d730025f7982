"""What a name stands for, where one assignment of its file says so."""

from __future__ import annotations

import ast

from regrad.analysis.program import Program


def only_value(program: Program, path: str, name: str, *, used_once: bool = False) -> ast.expr | None:
    """The expression that the only `name = …` of the file binds; with `used_once`, where one place alone reads it."""
    values = [
        node.value
        for node in program.nodes_of(path, ast.Assign)
        if any(isinstance(each, ast.Name) and each.id == name for each in node.targets)
    ]
    if len(values) != 1:
        return None
    if used_once and sum(node.id == name for node in program.nodes_of(path, ast.Name)) != 2:
        return None
    return values[0]
