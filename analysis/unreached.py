"""Weights that a training asks the gradient of, and that its loss does not depend on at all, sorted by how that
came about.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from regrad.analysis import applications
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, Trained
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame, made_up
from regrad.analysis.library.keras_layers import WEIGHTED
from regrad.analysis.program import Program
from regrad.analysis.record import Record
from regrad.analysis.sinks import Sink
from regrad.analysis.trainings import lists_in
from regrad.analysis.values import Collection, Constant, Layer, Tensor, Value, Variable


class Unreached(Record):
    """The parts of a model that get no gradient from one training although others do."""

    sink: Sink
    parts: tuple[Value, ...]


class Written(Record):
    """Where a layer was called: the call, and the function it stands in."""

    call: ast.Call
    frame: Frame


def trained(program: Program) -> tuple[Sink, ...]:
    """The requests for gradients that certainly train: `fit` and the like, and tapes whose gradients reach an
    optimizer.
    """
    return program.once(_trained)


def _trained(program: Program) -> tuple[Sink, ...]:
    return tuple(_training(program))


def _training(program: Program) -> Iterator[Sink]:
    for sink in program.sinks:
        event = sink.event
        if in_test(event.frame):
            continue
        if isinstance(event, Trained):
            yield sink
        elif isinstance(event, GradientTaken) and sink.kind == "tape":
            lists = any(True for _ in lists_in(event.sources))
            if lists and applications.of(program, event) is not None:
                yield sink


def in_test(frame: Frame | None) -> bool:
    """Whether a test made this happen: tests train what is not whole on purpose."""
    while frame is not None:
        if frame.function is not None and frame.function.name.startswith("test"):
            return True
        frame = frame.caller
    return False


def told_by_a_call(program: Program, sink: Sink) -> bool:
    """Whether the reader made up the arguments of the function that asks, which a call in the program hands over, too:
    then that call says what the target is computed from.
    """
    frame = sink.event.frame
    if made_up(frame) is not frame:
        return False
    others = (each.event for each in program.sinks if each.event.node is sink.event.node)
    return any(made_up(each.frame) is not each.frame for each in others)


def partly(program: Program) -> list[Unreached]:
    """Trainings that reach some of the weights they ask for, with those that no training of the program reaches."""
    return list(program.once(_partly))


def _partly(program: Program) -> list[Unreached]:
    sinks = list(program.sinks)
    reached: set[int] = set()
    for sink in sinks:
        reached.update(sink.reached)
    found: list[Unreached] = []
    for sink in trained(program):
        path = sink.path
        if not path.lost or not path.connected or not path.complete or path.anything:
            continue
        # A value that was stopped on purpose on one way, and has no other, is missing all the same.
        cut_off = {id(value) for cut in sink.cuts if cut.kind is not CutKind.STOPPED for value in cut.sources}
        parts = tuple(
            part for part in path.lost if id(part) not in reached and id(part) not in cut_off and _counts(part)
        )
        if parts:
            found.append(Unreached(sink, parts))
    return found


def _counts(part: Value) -> bool:
    """Whether it certainly has weights of its own by the time of the training."""
    if isinstance(part, Layer):
        return part.kind in WEIGHTED and bool(part.fields.get("#called") or part.fields.get("#built"))
    if isinstance(part, Variable):
        stated = part.fields.get("trainable")
        return part.maker == "add_weight" and not (isinstance(stated, Constant) and not stated.value)
    return False


def written(part: Value) -> Written | None:
    """The place of the last call of a layer, where it was seen."""
    if not isinstance(part, Layer):
        return None
    for _, result in reversed(part.fields.get("#calls") or ()):
        tensor = result.items[0] if isinstance(result, Collection) and result.items else result
        if (
            isinstance(tensor, Tensor)
            and isinstance(tensor.operation.node, ast.Call)
            and tensor.operation.frame is not None
        ):
            return Written(tensor.operation.node, tensor.operation.frame)
    return None


def scope_of(program: Program, frame: Frame) -> ast.AST:
    """The function or module in which the frame runs."""
    return frame.function.node if frame.function is not None else program.trees[frame.path]


def chosen_elsewhere(program: Program, sink: Sink, parts: Sequence[Value]) -> bool:
    """Whether the loss is chosen by a condition, and another branch of it uses what these parts give."""
    frame = sink.event.frame
    scope = scope_of(program, frame)
    flow = Flow(sink.tape, marks=parts)
    wanted = {id(part) for part in parts}
    names = {
        name
        for name, value in frame.scope.names.items()
        if isinstance(value, Tensor) and wanted & set(flow.reach(value).sources)
    }
    names -= {name for name, value in frame.scope.names.items() if value is sink.target}
    for node in ast.walk(scope):
        if not isinstance(node, ast.If) or not node.orelse:
            continue
        ways = (node.body, node.orelse)
        bound = [
            {
                each.id
                for part in way
                for each in ast.walk(part)
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            }
            for way in ways
        ]
        read = [
            {
                each.id
                for part in way
                for each in ast.walk(part)
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
            }
            for way in ways
        ]
        targets = {name for name in bound[0] & bound[1] if frame.scope.names.get(name) is sink.target}
        if targets and any(names & each for each in read):
            return True
    return False
