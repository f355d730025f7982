"""The program's own metrics in the place of a loss: functions that count and that `compile` lists, or that say so."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from regrad.analysis.callee import called
from regrad.analysis.cut import CutKind
from regrad.analysis.endings import Ending, endings
from regrad.analysis.events import Trained
from regrad.analysis.frames import Frame
from regrad.analysis.names import snake_case
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Function, Mapping, Value
from regrad.codemods.engine.without_slope import COMPARING, ROUNDING

_COUNTING = frozenset({CutKind.NON_DIFFERENTIABLE, CutKind.ZERO_SLOPE})
_DECIDING = COMPARING | ROUNDING | {"argmax", "argmin", "cast", "in_top_k"}
_OF_METRICS = frozenset({"metric", "metrics", "accuracy", "acc", "precision", "recall", "iou", "f1"})
_OF_LOSSES = frozenset({"loss", "cost", "objective", "criterion", "surrogate", "soft", "smooth", "penalty"})
_FALLING = ("error_rate", "misclassification_rate")
"""Names of what is counted wrong, so that one minus what is right is no sign of a loss."""


def counting(program: Program) -> dict[int, tuple[Ending, Function]]:
    """By the identity of a training's node: where its loss ends inside a function that is its metric, and that."""
    return program.once(_counting)


def concerns(program: Program, ending: Ending) -> bool:
    """Whether an ending is a metric's counting, which is right in the metric and wrong as a loss."""
    found = counting(program).get(id(ending.sink.event.node))
    return found is not None and found[0].node is ending.node


def listed(value: Value | None) -> list[Function]:
    """The program's own functions among what `compile` was given as metrics."""
    if isinstance(value, Function):
        return [value]
    if isinstance(value, Collection):
        return [each for item in value.items for each in listed(item)]
    if isinstance(value, Mapping):
        return [each for item in value.entries.values() for each in listed(item)]
    return []


def _counting(program: Program) -> dict[int, tuple[Ending, Function]]:
    found: dict[int, tuple[Ending, Function]] = {}
    for ending in endings(program):
        event = ending.sink.event
        if not isinstance(event, Trained) or event.compilation is None:
            continue
        watched = {id(each.node): each for each in listed(event.compilation.metrics)}
        # A step in a function that the metric and the loss both call is that function's, not the metric's.
        function, loss = ending.frame.function, event.compilation.loss
        if isinstance(loss, Function) and _decides(ending) and _calls_to(ending.frame, loss):
            same = id(loss.node) in watched
            if same or _plainly(loss, ending, watched.values()):
                found.setdefault(id(event.node), (ending, watched[id(loss.node)] if same else loss))
        if isinstance(function, Function) and id(function.node) in watched and ending.kind in _COUNTING:
            found.setdefault(id(event.node), (ending, watched[id(function.node)]))
    return found


def _decides(ending: Ending) -> bool:
    if ending.operation is None:
        return False
    return ending.kind in _COUNTING or (ending.kind is CutKind.INTEGER and ending.operation.name in _DECIDING)


def _plainly(loss: Function, ending: Ending, watched: Iterable[Function]) -> bool:
    """Whether a loss is a metric by its name or by that of the one call it consists of, or the twin of a metric."""
    if ending.operation is None or ending.operation.name not in _DECIDING:
        return False
    functions = [frame.function for frame in _calls_to(ending.frame, loss)]
    same = [each for each in functions if each is not None]
    # Through functions that do nothing but call the next one.
    while len(same) > 1 and _only_call(same[0]) == same[1].name:
        if any(_only_call(other) == same[1].name for other in watched) and not _named(same[:2], _OF_LOSSES):
            return True
        if _says_metric(same[1]) and not _named(same[:2], _OF_LOSSES):
            return True
        same = same[1:]
    return _says_metric(loss)


def _calls_to(frame: Frame, loss: Function) -> list[Frame]:
    """The calls from that of the loss to that in which a step stands; empty where the loss does not lead there."""
    frames: list[Frame] = []
    at: Frame | None = frame
    while at is not None:
        frames.insert(0, at)
        if at.function is not None and at.function.node is loss.node:
            return frames
        at = at.caller
    return []


def _says_metric(function: Function) -> bool:
    if isinstance(function.node, ast.Lambda) or _named([function], _OF_LOSSES):
        return False
    name = snake_case(function.name)
    if any(each in name for each in _FALLING):
        return True
    # What is negated, or taken from 1, was written to be minimised.
    return _named([function], _OF_METRICS) and not any(_turned(each) for each in _returned(function))


def _named(functions: list[Function], words: frozenset[str]) -> bool:
    return any(words & set(snake_case(each.name).strip("_").split("_")) for each in functions)


def _turned(value: ast.expr) -> bool:
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub):
        return isinstance(value.left, ast.Constant)
    return isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub)


def _returned(function: Function) -> Iterator[ast.expr]:
    if isinstance(function.node, ast.Lambda):
        yield function.node.body
        return
    for each in ast.walk(function.node):
        if isinstance(each, ast.Return) and each.value is not None:
            yield each.value


def _only_call(function: Function) -> str | None:
    """The name that a function calls, where that call is all it does."""
    if isinstance(function.node, ast.Lambda):
        value: ast.expr | None = function.node.body
    else:
        body = function.node.body[1:] if ast.get_docstring(function.node) is not None else function.node.body
        value = body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None
    return called(value) if isinstance(value, ast.Call) else None
