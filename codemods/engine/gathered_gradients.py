"""Gradients that are added up over several batches: which name holds the sum, and when an optimizer should have it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NamedTuple

from regrad.codemods.engine.moving import Place, after, before

_GATHERING = frozenset({"append", "extend", "assign_add", "accumulate", "put", "write", "add"})

Parents = Mapping[ast.AST, ast.AST]


class Gathered(NamedTuple):
    """The statement that adds to the sum, and the sum's name where it is a plain one."""

    statement: ast.stmt
    name: str | None


def gathered(statement: ast.Assign, parents: Parents) -> Gathered | None:
    """What becomes of the gradients that `statement` binds, if they are added to those of other batches."""
    target = statement.targets[0]
    if not isinstance(target, ast.Name):
        return None
    names = {target.id}
    for each in _statements(_scope(statement, parents)):
        read = _names(each, ast.Load)
        if each.lineno <= statement.lineno or not read & names:
            continue
        if isinstance(each, ast.AugAssign):
            return Gathered(each, _name(each.target))
        if isinstance(each, ast.For):
            # `for total, gradient in zip(totals, gradients):` hands them on under another name.
            names |= _names(each.target, ast.Store)
        elif isinstance(each, ast.Assign):
            bound = {_name(goal) for goal in each.targets} - {None}
            if bound & read - names:
                return Gathered(each, _name(each.targets[0]))
            names |= _names(each, ast.Store)
        elif isinstance(each, ast.Expr) and isinstance(each.value, ast.Call):
            called = each.value.func
            if isinstance(called, ast.Attribute) and called.attr in _GATHERING:
                return Gathered(each, None)
    return None


def complete(statement: ast.Assign, sum_of: Gathered, parents: Parents) -> Place | None:
    """Where the sum is whole: before it is begun anew, or behind the loop before which it was begun."""
    loop = _loop_around(statement, parents)
    if loop is None or sum_of.name is None:
        return None
    begun = [
        each
        for each in _statements(_scope(statement, parents))
        if isinstance(each, ast.Assign)
        and [_name(goal) for goal in each.targets if isinstance(goal, ast.Name)] == [sum_of.name]
        and sum_of.name not in _names(each.value, ast.Load)
    ]
    inside = set(map(id, ast.walk(loop)))
    anew = [each for each in begun if id(each) in inside]
    if len(anew) == 1 and anew[0].lineno > (sum_of.statement.end_lineno or 0):
        return before(anew[0])
    if not anew and len(begun) == 1 and parents.get(begun[0]) is parents.get(loop) and begun[0].lineno < loop.lineno:
        return after(loop)
    return None


def _scope(statement: ast.AST, parents: Parents) -> ast.AST:
    while not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
        statement = parents[statement]
    return statement


def _loop_around(statement: ast.stmt, parents: Parents) -> ast.stmt | None:
    current: ast.AST | None = parents.get(statement)
    while current is not None and not isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if isinstance(current, (ast.For, ast.While)):
            return current
        current = parents.get(current)
    return None


def _statements(scope: ast.AST) -> list[ast.stmt]:
    found = [node for node in ast.walk(scope) if isinstance(node, ast.stmt) and node is not scope]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _names(node: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, context)}


def _name(target: ast.expr) -> str | None:
    """The name of what is bound, or whose element is."""
    while isinstance(target, ast.Subscript):
        target = target.value
    return target.id if isinstance(target, ast.Name) else None
