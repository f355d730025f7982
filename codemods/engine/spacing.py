"""How the author spaces a sum: `a + b` or `a+b`, as the sums around the place are written."""

from __future__ import annotations

import ast

from regrad.analysis.location import Span
from regrad.analysis.program import Program


def plus(program: Program, node: ast.AST, path: str) -> str:
    """The sign of an addition with the blanks around it that the other sums of the statement have."""
    statement = program.statement(node, path)
    source = program.files[path]
    sums = [
        each
        for each in (ast.walk(statement) if statement is not None else ())
        if isinstance(each, ast.BinOp) and isinstance(each.op, (ast.Add, ast.Sub))
    ]
    between = [source.segment(Span(source.span(each.left).end, source.span(each.right).start)) for each in sums]
    tight = bool(between) and all(not any(letter.isspace() for letter in text) for text in between)
    return "+" if tight else " + "
