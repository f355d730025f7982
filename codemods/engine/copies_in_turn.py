"""Copies of weights in variables, and whether a loop comes to every one of them in its turn."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.program import Program
from regrad.codemods.engine.surroundings import function_around

NOBODY: frozenset[str] = frozenset()


class Copies(NamedTuple):
    """`name = [tf.Variable(w) for w in weights]`, `name = {k: tf.Variable(w) …}` or `name = tf.Variable(w)`."""

    name: str
    maker: ast.Call
    statement: ast.Assign
    several: ast.ListComp | ast.DictComp | None


class Inner(NamedTuple):
    """A request for the gradients of the copies, and the statement under which its tape records."""

    request: ast.Call
    tape: str
    recording: ast.With | ast.AsyncWith


def every_copy(
    program: Program, copies: Copies, loop: ast.For, receiver: ast.expr, inner: list[Inner], path: str
) -> bool:
    """Whether the loop goes through all copies in their order, and the receiver is the one whose turn it is."""
    over, target = loop.iter, loop.target
    name = copies.name
    if isinstance(copies.several, ast.DictComp):
        if isinstance(receiver, ast.Subscript):
            keys = is_name(over, name) or _called(over, "keys", name)
            return (
                keys
                and isinstance(target, ast.Name)
                and is_name(receiver.value, name)
                and is_name(receiver.slice, target.id)
            )
        pair = target.elts if isinstance(target, ast.Tuple) and len(target.elts) == 2 else []
        return (
            _called(over, "items", name)
            and len(pair) == 2
            and isinstance(pair[0], ast.Name)
            and isinstance(pair[1], ast.Name)
            and is_name(receiver, pair[1].id)
        )
    index = ""
    if isinstance(over, ast.Call) and is_name(over.func, "enumerate") and len(over.args) == 1:
        if not isinstance(target, ast.Tuple) or len(target.elts) != 2 or not isinstance(target.elts[0], ast.Name):
            return False
        index, over, target = target.elts[0].id, over.args[0], target.elts[1]
    elif (
        isinstance(over, ast.Call)
        and is_name(over.func, "range")
        and len(over.args) == 1
        and isinstance(target, ast.Name)
    ):
        size = over.args[0]
        if not isinstance(size, ast.Call) or not is_name(size.func, "len") or len(size.args) != 1:
            return False
        index, over = target.id, size.args[0]
    zipped = isinstance(over, ast.Call) and is_name(over.func, "zip")
    lists: list[ast.expr] = over.args if isinstance(over, ast.Call) and zipped else [over]
    if not lists or not all(as_long(program, each, copies, inner, path) for each in lists):
        return False
    if isinstance(receiver, ast.Subscript):
        return bool(index) and is_name(receiver.value, name) and is_name(receiver.slice, index)
    names: list[ast.expr] = target.elts if isinstance(target, ast.Tuple) and zipped else [target]
    return len(names) == len(lists) and any(
        is_name(each, name) and isinstance(local, ast.Name) and is_name(receiver, local.id)
        for each, local in zip(lists, names, strict=True)
    )


def as_long(
    program: Program, node: ast.expr, copies: Copies, inner: list[Inner], path: str, assumed: frozenset[str] = NOBODY
) -> bool:
    """Whether a list has one element for each copy: it is theirs, their gradients, or made of such a list."""
    if is_name(node, copies.name) or any(node is each.request for each in inner):
        return True
    several = copies.several
    if several is not None and ast.dump(several.generators[0].iter) == ast.dump(node):
        return True
    if isinstance(node, ast.ListComp):
        one = node.generators[0]
        plain = len(node.generators) == 1 and not one.ifs
        return plain and as_long(program, one.iter, copies, inner, path, assumed)
    if not isinstance(node, ast.Name):
        return False
    if node.id in assumed:
        return True
    scope = function_around(program, copies.statement, path) or program.trees[path]
    values = [
        each.value
        for each in ast.walk(scope)
        if isinstance(each, ast.Assign) and any(is_name(target, node.id) for target in each.targets)
    ]
    stored = sum(isinstance(each, ast.Name) and each.id == node.id and _bound(each) for each in ast.walk(scope))
    return stored == len(values) > 0 and all(
        as_long(program, value, copies, inner, path, assumed | {node.id}) for value in values
    )


def _bound(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def is_name(node: ast.AST | None, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _called(node: ast.expr, method: str, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == method
        and is_name(node.func.value, name)
    )
