"""Losses that the program wrote itself: which function one is, and what of the training step its value depends on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import applications
from regrad.analysis.events import GradientTaken, Trained
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame
from regrad.analysis.parameters import named
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import (
    BoundMethod,
    Collection,
    Function,
    Instance,
    Mapping,
    Operation,
    Partial,
    Tensor,
    Value,
)
from regrad.codemods.engine.operations_of import reached


def function_of(loss: Value | None) -> Function | None:
    """The function of the program behind a `loss=` argument."""
    if isinstance(loss, Function):
        return loss
    if isinstance(loss, BoundMethod):
        return loss.function
    if isinstance(loss, Partial):
        return function_of(loss.callee)
    if isinstance(loss, Instance):
        found = loss.cls.find("call") if loss.role == "loss" else loss.cls.find("__call__")
        return found[0] if found is not None and isinstance(found[0], Function) else None
    return None


def single_loss(event: Trained) -> Function | None:
    """The program's own function that is the only loss of a training with one output."""
    compilation = event.compilation
    if event.own_step or compilation is None or len(event.heads) != 1 or event.added_losses:
        return None
    if isinstance(event.model, Instance) and event.model.cls.find("compute_loss") is not None:
        return None
    if isinstance(compilation.loss, (Collection, Mapping)):
        return None
    return function_of(compilation.loss)


def depends(target: Value, output: Value) -> bool:
    """Whether the target is computed from the output at all, or from anything that is not known."""
    parts = tuple(_parts(output))
    reach = Flow(None, full=True, marks=parts).reach(target)
    return reach.anything or any(id(part) in reach.sources for part in parts)


def _parts(output: Value) -> Iterator[Value]:
    """The tensors of what a model answers with, which may come in a list of one or in a dictionary."""
    if isinstance(output, Collection):
        for item in output.items:
            yield from _parts(item)
    elif isinstance(output, Mapping):
        for item in output.entries.values():
            yield from _parts(item)
    else:
        yield output


def within(frame: Frame | None, function: Function) -> bool:
    """Whether a frame is an activation of the function, or was called from one."""
    while frame is not None:
        if frame.function is not None and frame.function.node is function.node:
            return True
        frame = frame.caller
    return False


def captured(target: Value, function: Function) -> tuple[Tensor, Tensor] | None:
    """An operation of the loss and the symbolic tensor of the model's description that it takes from outside."""
    found: list[tuple[Tensor, Tensor]] = []
    for tensor in reached(iter([target])):
        if not within(tensor.operation.frame, function) or tensor.operation.kind in ("model", "layer"):
            continue
        for given in tensor.operation.inputs:
            if isinstance(given, Tensor) and given.symbolic and not within(given.operation.frame, function):
                found.append((tensor, given))
    return min(found, key=lambda pair: pair[0].operation.serial) if found else None


class Ignoring(NamedTuple):
    """A function of the program that is given the prediction as `parameter` and makes the target without it."""

    sink: Sink
    function: Function
    parameter: str


def ignoring(program: Program) -> tuple[Ignoring, ...]:
    """The losses of loops of one's own that never use the prediction, each function once."""
    return program.once(_ignoring)


def ignores(program: Program, sink: Sink) -> bool:
    """Whether such a loss is to blame for a request without gradients."""
    return any(each.sink.event.node is sink.event.node for each in ignoring(program))


def _ignoring(program: Program) -> tuple[Ignoring, ...]:
    found: dict[int, Ignoring] = {}
    for sink in program.sinks:
        event = sink.event
        if sink.kind != "tape" or not isinstance(event, GradientTaken) or not sink.dead or sink.cuts:
            continue
        full = Flow(sink.tape, full=True, marks=sink.path.lost).reach(sink.target)
        if full.anything or any(id(source) in full.sources for source in sink.path.lost):
            continue
        if applications.only_shown(program, event):
            continue
        for tensor in reached(iter([sink.target])):
            each = _outermost(sink, tensor.operation.frame)
            if each is not None:
                found.setdefault(id(each.function.node), each)
                break
    return tuple(found.values())


def _outermost(sink: Sink, frame: Frame | None) -> Ignoring | None:
    """The outermost call on the way to an operation that is given the prediction, below the one of the tape."""
    found: Ignoring | None = None
    event = sink.event
    while frame is not None and frame is not event.frame:
        function = frame.function
        if function is not None and not isinstance(function.node, ast.Lambda):
            parameter = _prediction(sink, function.node, frame)
            if parameter is not None:
                found = Ignoring(sink, function, parameter)
        frame = frame.caller
    return found if frame is not None else None


def _prediction(sink: Sink, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> str | None:
    """The parameter that depends on every source, and that the body never reads."""
    arguments = node.args
    for each in named(arguments):
        value = frame.scope.names.get(each.arg)
        if not isinstance(value, Tensor) or not isinstance(value.operation, Operation):
            continue
        if any(isinstance(one, ast.Name) and one.id == each.arg for part in node.body for one in ast.walk(part)):
            continue
        sources = sink.gradient_flow.reach(value).sources
        if any(id(lost) in sources for lost in sink.path.lost):
            return each.arg
    return None
