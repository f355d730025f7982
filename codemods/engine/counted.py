"""Metrics in the place of a loss: gradients that are asked of what a metric has counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import applications
from regrad.analysis.events import GradientTaken
from regrad.analysis.library.losses import counted
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Metric, Operation, Tensor
from regrad.codemods.engine.operations_of import reached


class CountedLoss(NamedTuple):
    """A request for gradients that gets none, because its target is what `metric` has counted in `operation`."""

    sink: Sink
    operation: Operation
    metric: Metric


def counted_losses(program: Program) -> tuple[CountedLoss, ...]:
    """Every metric object that takes the gradient away, each place once."""
    return program.once(_all)


def concerns(program: Program, sink: Sink) -> bool:
    """Whether a metric is to blame for a request without gradients."""
    return any(each.sink.event.node is sink.event.node for each in counted_losses(program))


def _all(program: Program) -> tuple[CountedLoss, ...]:
    found: dict[int, CountedLoss] = {}
    for sink in program.sinks:
        for each in _of_sink(program, sink):
            found.setdefault(id(each.operation.node), each)
    return tuple(found.values())


def _of_sink(program: Program, sink: Sink) -> Iterator[CountedLoss]:
    if not sink.dead or not isinstance(sink.target, Tensor):
        return
    event = sink.event
    cuts = {id(cut.node) for cut in sink.cuts}
    for tensor in reached(iter([sink.target])):
        operation = tensor.operation
        if not counted(tensor) or not isinstance(operation.callee, Metric):
            continue
        if isinstance(event, GradientTaken) and applications.only_shown(program, event):
            return
        if (
            operation.node is None
            or operation.node is event.node
            or operation.frame is None
            or operation.frame.path not in program.files
        ):
            continue
        if operation.node not in program.parents(operation.frame.path):
            continue
        if not cuts or id(operation.node) in cuts:
            yield CountedLoss(sink, operation, operation.callee)
