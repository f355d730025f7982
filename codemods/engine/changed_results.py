"""Whether the list that a function hands over is changed by the one that receives it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.program import Program

_CHANGING = frozenset({"append", "extend", "insert", "pop", "remove", "reverse", "sort", "clear"})


def changed_by_receiver(program: Program, function: ast.FunctionDef) -> bool:
    """Whether a name for what the function returned or yielded has its elements replaced, added or removed."""
    for path in program.trees:
        received = frozenset(_received(program, path, function.name))
        parents = program.parents(path)
        for node in program.nodes_of(path, ast.Name) if received else ():
            if node.id not in received:
                continue
            user = parents.get(node)
            if isinstance(user, ast.Subscript) and user.value is node and _replaces_one(user):
                return True
            if isinstance(user, ast.Attribute) and user.attr in _CHANGING and isinstance(parents.get(user), ast.Call):
                return True
            if isinstance(user, ast.AugAssign) and isinstance(user.value, ast.List):
                return True
    return False


def _replaces_one(subscript: ast.Subscript) -> bool:
    """Whether one element is replaced or removed; what takes slices or several indices at once is an array."""
    return not isinstance(subscript.ctx, ast.Load) and not isinstance(subscript.slice, (ast.Slice, ast.Tuple))


def _received(program: Program, path: str, name: str) -> Iterator[str]:
    """The names that are given what the function hands over, as far as the names of the two tell."""
    for assigned in program.nodes_of(path, ast.Assign):
        if _from(assigned.value, name):
            yield from (target.id for target in assigned.targets if isinstance(target, ast.Name))
    for loop in program.nodes_of(path, ast.For):
        # A `for` over an object asks it for one index after the other.
        if isinstance(loop.target, ast.Name) and (name == "__getitem__" or _from(loop.iter, name)):
            yield loop.target.id


def _from(value: ast.expr, name: str) -> bool:
    if name == "__getitem__" and isinstance(value, ast.Subscript):
        return True
    for node in ast.walk(value):
        if isinstance(node, ast.Call):
            called = node.func
            if name == (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)):
                return True
    return False
