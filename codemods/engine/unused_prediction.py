"""A prediction that is made under the tape and never reaches the loss, which is computed from an earlier one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, ModelCalled
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.trainings import inside
from regrad.analysis.values import Value
from regrad.codemods.engine.binding import Binding, binding
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import function_around

_EARLIER = frozenset({CutKind.BEFORE_TAPE, CutKind.LEFT_TENSORFLOW})


class Unused(NamedTuple):
    """Where the prediction gets its name."""

    sink: Sink
    event: GradientTaken
    bound: Binding
    path: str


def unused_prediction(program: Program, sink: Sink) -> Unused | None:
    """The prediction that the loss was to be computed from: the tape sees it made, and the loss takes what the same
    weights said before instead.
    """
    event = sink.event
    if not isinstance(event, GradientTaken) or sink.kind != "tape" or not sink.dead:
        return None
    kinds = {cut.kind for cut in sink.cuts}
    if not kinds & _EARLIER or kinds - _EARLIER - {CutKind.STOPPED}:
        return None
    lost = {id(value) for value in sink.path.lost}
    for call in program.of(ModelCalled):
        if not any(tape is sink.tape for tape in call.tapes) or not lost & {id(value) for value in inside(call.model)}:
            continue
        if _is_used(sink, call.result):
            return None
        named = _named(program, call.node, call.frame)
        if named is not None:
            return Unused(sink, event, *named)
    return None


def _is_used(sink: Sink, result: Value) -> bool:
    return id(result) in Flow(sink.tape, full=True, marks=(result,)).reach(sink.target).sources


def _named(program: Program, node: ast.AST, frame: Frame) -> tuple[Binding, str] | None:
    """The name that the call's result gets, here or in the function that called this one for it."""
    current: Frame | None = frame
    while current is not None:
        bound = binding(program.statement(node, current.path), node)
        if bound is not None:
            return bound, current.path
        if current.call is None or current.caller is None:
            return None
        node, current = current.call, current.caller
    return None


def computed_from_it(program: Program, unused: Unused) -> tuple[Edit, ...]:
    """`x - tf.stop_gradient(x)` of an earlier `x` gets the prediction in the first place; raises `CannotMove` where
    the loss is written in another way.
    """
    name, path = unused.bound.target.id, unused.path
    scope = function_around(program, unused.bound.statement, path) or program.trees[path]
    places = [node for node in _doubled(scope) if node.lineno > unused.bound.statement.lineno]
    if len(places) != 1:
        raise CannotMove("where the prediction belongs in the loss is for its author to say")
    return (Edit(path, program.files[path].span(places[0]), name),)


def _doubled(scope: ast.AST) -> Iterator[ast.expr]:
    """The first `x` of each `x - tf.stop_gradient(x)`."""
    for node in ast.walk(scope):
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub):
            continue
        right = node.right
        stopped = isinstance(right, ast.Call) and called(right) == "stop_gradient" and len(right.args) == 1
        if stopped and isinstance(right, ast.Call) and ast.dump(right.args[0]) == ast.dump(node.left):
            yield node.left
