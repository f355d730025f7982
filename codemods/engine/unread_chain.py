"""Values made one from the other, of which nobody reads the last."""

from __future__ import annotations

import ast

from regrad.analysis import unreached
from regrad.analysis.callee import called
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor
from regrad.codemods.engine.effects import FUNCTIONS, KEEPING
from regrad.codemods.engine.numbers_in_tensors import is_number
from regrad.codemods.engine.surroundings import loaded
from regrad.codemods.engine.unread import Unread, unread_name

_TOLD = KEEPING | {"print", "append", "extend"}
"""What does something with a value besides giving another."""


def unread_at_the_end(program: Program, node: ast.AST, frame: Frame) -> Unread | None:
    """Of what a function makes of this value while a tape records, one thing from the other, the one name that it
    never reads; None where anything on the way is read for another purpose.
    """
    statement = program.statement(node, frame.path)
    scope = unreached.scope_of(program, frame)
    if statement is None or all(each is not statement for each in ast.walk(scope)):
        return None
    seen: set[int] = set()
    waiting: list[ast.stmt] = [statement]
    ends: dict[int, Unread] = {}
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        name = _only_binding(scope, current)
        if name is None:
            return None
        readers = _readers(program, scope, name, frame.path)
        if readers is None:
            return None
        waiting += readers
        if not readers:
            assert isinstance(current, ast.Assign)
            dead = unread_name(program, current.value, frame, recorded=True)
            if dead is None:
                return None
            ends[id(current)] = dead
    end = next(iter(ends.values())) if len(ends) == 1 else None
    value = frame.scope.names.get(end.name) if end is not None else None
    # A number is a term of a loss: what follows cannot go on with it.
    return end if isinstance(value, Tensor) and not is_number(value) else None


def _only_binding(scope: ast.AST, statement: ast.stmt) -> str | None:
    """The name that a statement binds, where no other one of the function does."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    if not isinstance(target, ast.Name) or any(
        called(each) in _TOLD for each in ast.walk(statement) if isinstance(each, ast.Call)
    ):
        return None
    bound = [
        each
        for each in ast.walk(scope)
        if isinstance(each, ast.Name) and each.id == target.id and not isinstance(each.ctx, ast.Load)
    ]
    return target.id if len(bound) == 1 else None


def _readers(program: Program, scope: ast.AST, name: str, path: str) -> list[ast.stmt] | None:
    """The statements that read a name; None where an inner function or something unseen does."""
    found: dict[int, ast.stmt] = {}
    for each in ast.walk(scope):
        if isinstance(each, (*FUNCTIONS, ast.ClassDef)) and each is not scope and name in loaded(each):
            return None
        if isinstance(each, (ast.Global, ast.Nonlocal)) and name in each.names:
            return None
        if isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Load):
            statement = program.statement(each, path)
            if statement is None:
                return None
            found[id(statement)] = statement
    return list(found.values())
