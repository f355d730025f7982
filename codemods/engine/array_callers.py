"""Callers of a function that gave an array and gives a tensor now: whoever needs an array goes on getting one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.frames import Frame
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import owners

_ALIKE = frozenset({"dtype", "ndim", "numpy", "shape"})
"""What a tensor has as an array has it."""
_BUILT_IN = frozenset({"float", "int", "len", "list", "print"})


def edits(program: Program, frame: Frame, call: ast.Call) -> tuple[Edit, ...]:
    """`.numpy()` behind the other calls of the function that returns `call`, where more is done with the result than
    a tensor can do: `q(states).max(axis=1)`, `table = q(states)` (and elements set afterwards).
    """
    function, led_here = frame.function, frame.call
    path = frame.path
    if function is None or led_here is None or not isinstance(function.node, ast.FunctionDef):
        return ()
    if not isinstance(program.parents(path).get(call), ast.Return):
        return ()
    name = function.node.name
    defined = [each for each in ast.walk(program.trees[path]) if getattr(each, "name", None) == name]
    if len(defined) != 1:
        return ()
    tapes = [each for each in owners(program, led_here, path) if isinstance(each, ast.With)]
    found: list[Edit] = []
    for other in _calls(program.trees[path], name):
        beside = other is led_here or any(each is tape for tape in tapes for each in owners(program, other, path))
        if not beside and not _content(program, other, path):
            end = program.files[path].span(other).end
            found.append(Edit(path, Span(end, end), ".numpy()"))
    return tuple(found)


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            named = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
            if named == name:
                yield node


def _content(program: Program, call: ast.Call, path: str) -> bool:
    """Whether a tensor does as well: it is handed to NumPy or to a built-in, whole or in part, or not looked at."""
    parents = program.parents(path)
    node: ast.AST = call
    parent = parents.get(node)
    while isinstance(parent, ast.Subscript) and parent.value is node and isinstance(parent.ctx, ast.Load):
        node, parent = parent, parents.get(parent)
    if isinstance(parent, ast.Attribute):
        return parent.attr in _ALIKE
    if isinstance(parent, ast.Call) and node is not parent.func:
        target = parent.func
        if isinstance(target, ast.Name):
            return target.id in _BUILT_IN
        return (
            isinstance(target, ast.Attribute)
            and isinstance(target.value, ast.Name)
            and target.value.id in ("np", "numpy")
        )
    return isinstance(parent, ast.Expr)
