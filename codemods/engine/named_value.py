"""What a name stands for: where one assignment of its file says so, or as the reader saw it in a call."""

from __future__ import annotations

import ast

from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Class, Constant, Instance, Mapping, Module, Value


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


def standing_for(node: ast.expr, frame: Frame) -> Value | None:
    """What an expression that only names something stood for at the end of a call; None for any other."""
    if isinstance(node, ast.Constant):
        return Constant(node.value, node)
    if isinstance(node, ast.Name):
        scope = frame.scope.find(node.id)
        return scope.names[node.id] if scope is not None else None
    if isinstance(node, ast.Attribute):
        owner = standing_for(node.value, frame)
        if isinstance(owner, Module):
            return owner.scope.names.get(node.attr)
        if isinstance(owner, Instance):
            own = owner.fields.get(node.attr) or (owner.cls.find(node.attr) or (None,))[0]
            return own if isinstance(own, Value) else None
        return owner.fields.get(node.attr) if isinstance(owner, Class) else None
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        holder = standing_for(node.value, frame)
        return holder.entries.get(node.slice.value) if isinstance(holder, Mapping) else None
    return None
