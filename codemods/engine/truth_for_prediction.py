"""Places of a loss at which the targets stand where the prediction was meant: a slip of the pen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.parameters import positional_names
from regrad.analysis.values import Function


class Slip(NamedTuple):
    """The truth stands in the place of a prediction that is used nowhere: there, and the prediction's name."""

    nodes: tuple[ast.Name, ...]
    prediction: str
    path: str


def slip_in(function: Function) -> Slip | None:
    arguments = positional_names(function.node.args)
    arguments = arguments[1:] if function.owner is not None else arguments
    if len(arguments) < 2 or isinstance(function.node, ast.Lambda):
        return None
    truth, prediction = arguments[:2]
    nodes = list(ast.walk(function.node))
    named = [each for each in nodes if isinstance(each, ast.Name) and each.id == prediction]
    if named and not _only_prepared(function.node, named, prediction):
        bound_anew = _overwritten(function.node, named, truth)
        return Slip((bound_anew,), prediction, function.module) if bound_anew is not None else None
    for found in (
        _compared(nodes, truth),
        _copied(function.node, truth),
        _unpacked(function.node, nodes, truth),
        _sided(nodes, truth),
    ):
        if found:
            return Slip(found, prediction, function.module)
    return None


def _only_prepared(function: ast.AST, named: list[ast.Name], prediction: str) -> bool:
    """Whether all that is done with the prediction is to bind its own name anew (`y_pred = clip(y_pred)`)."""
    prepared = [
        each
        for statement in getattr(function, "body", ())
        if isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
        and statement.targets[0].id == prediction
        and _uses(statement.value, prediction)
        for each in ast.walk(statement)
    ]
    return all(each in prepared for each in named)


def _sided(nodes: list[ast.AST], truth: str) -> tuple[ast.Name, ...]:
    """The chance of the right class, which is 1 where it is taken of the truth: `where(y > 0.5, y, 1 - y)`."""
    found: list[tuple[ast.Name, ...]] = []
    for each in nodes:
        if not isinstance(each, ast.Call) or len(each.args) != 3 or each.keywords:
            continue
        test, one, other = each.args
        turned = isinstance(other, ast.BinOp) and isinstance(other.op, ast.Sub) and _is_part(other.right, truth)
        if called(each) == "where" and turned and _uses(test, truth) and _is_part(one, truth):
            assert isinstance(other, ast.BinOp)
            if isinstance(other.left, ast.Constant) and other.left.value == 1 and _same(one, other.right):
                found.append((*_uses(one, truth), *_uses(other, truth)))
    return found[0] if len(found) == 1 else ()


def _same(one: ast.AST, other: ast.AST) -> bool:
    return ast.dump(one) == ast.dump(other)


def _compared(nodes: list[ast.AST], truth: str) -> tuple[ast.Name, ...]:
    """The second of two in a difference or a call with two arguments that are the same part of the truth, where the
    same is true of no other part, or of each part just once.
    """
    found: dict[str, tuple[ast.Name, ...]] = {}
    for each in nodes:
        pair: list[ast.expr] = []
        if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Sub):
            pair = [each.left, each.right]
        elif isinstance(each, ast.Call) and all(_is_part(one, truth) for one in each.args):
            pair = each.args
        if len(pair) != 2 or not _uses(pair[1], truth):
            continue
        text = ast.dump(pair[0])
        if not _same(*pair):
            continue
        if text in found:
            return ()
        found[text] = _uses(pair[1], truth)
    return tuple(use for uses in found.values() for use in uses)


def _is_part(node: ast.expr, truth: str) -> bool:
    """`y_true`, or some of it."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and node.id == truth


def _copied(function: ast.AST, truth: str) -> tuple[ast.Name, ...]:
    """What lines compute from the truth a second time under other names (`step_pred` as `step_true` before), or the one
    name that a line gives another of what comes from the truth (`score = label`).
    """
    bound = [pair for each in getattr(function, "body", ()) for pair in _bound(each)]
    times: dict[str, int] = {}
    again: list[ast.Name] = []
    for _, value in bound:
        text = ast.dump(value)
        times[text] = times.get(text, 0) + 1
        if times[text] == 2:
            again.extend(_uses(value, truth))
        elif times[text] > 2 and _uses(value, truth):
            return ()
    if again:
        return tuple(again)
    names = {truth} | {
        node.id
        for each in getattr(function, "body", ())
        if isinstance(each, ast.Assign) and _uses(each.value, truth)
        for target in each.targets
        for node in ast.walk(target)
        if isinstance(node, ast.Name)
    }
    renamed = [
        value
        for target, value in bound
        if isinstance(target, ast.Name) and isinstance(value, ast.Name) and value.id in names
    ]
    return (renamed[0],) if len(renamed) == 1 else ()


def _bound(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target of an assignment and its own value."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return
    target, value = statement.targets[0], statement.value
    both = (ast.Tuple, ast.List)
    if isinstance(target, both) and isinstance(value, both) and len(target.elts) == len(value.elts):
        yield from zip(target.elts, value.elts, strict=True)
    else:
        yield target, value


def _overwritten(function: ast.AST, named: list[ast.Name], truth: str) -> ast.Name | None:
    """The one use of the truth in the line that names the prediction first, to bind it: `y_pred = flatten(y_true)`."""
    first = min(named, key=lambda each: (each.lineno, each.col_offset))
    for statement in getattr(function, "body", ()):
        for target, value in _bound(statement):
            own = any(each in named for each in ast.walk(value))
            uses = _uses(value, truth)
            if target is first and not own and len(uses) == 1:
                return uses[0]
    return None


def _unpacked(function: ast.AST, nodes: list[ast.AST], truth: str) -> tuple[ast.Name, ...]:
    """The truth in the one place where it is used, taken apart into several: so is the prediction of a loss that
    needs no targets (triplets).
    """
    uses = [each for each in nodes if isinstance(each, ast.Name) and each.id == truth]
    for statement in getattr(function, "body", ()):
        apart = isinstance(statement, ast.Assign) and isinstance(statement.targets[0], (ast.Tuple, ast.List))
        if apart and len(uses) == 1 and any(each is uses[0] for each in ast.walk(statement)):
            return (uses[0],)
    return ()


def _uses(node: ast.AST, truth: str) -> tuple[ast.Name, ...]:
    return tuple(each for each in ast.walk(node) if isinstance(each, ast.Name) and each.id == truth)
