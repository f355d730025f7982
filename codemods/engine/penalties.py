"""Terms of a loss that are made of an inner gradient which the tape of the loss did not record.

Such a term is a constant to the outer gradient: a gradient penalty that punishes nothing. A gradient that goes into
the input of a model (adversarial examples) or weighs the examples is a constant on purpose; only what is added counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.events import GradientTaken
from regrad.analysis.flow import Flow, sources_of
from regrad.analysis.operations import Transfer
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Gradients, Operation, Tensor, Value
from regrad.codemods.engine.missed import missed_between

_ADDING = frozenset({"add", "subtract", "add_n"})
_SCALING = frozenset({"multiply", "divide", "reduce_mean", "reduce_sum", "mean", "sum", "cast", "identity", "squeeze"})


class Penalty(NamedTuple):
    """A term that the tape did not see, the inner gradient in it, and all that would have to be seen."""

    sink: Sink
    inner: Operation
    operations: tuple[Operation, ...]
    sources: tuple[Value, ...]


def penalties(program: Program) -> Iterator[Penalty]:
    """The penalties of a program that send no gradient to the weights they depend on; each gradient call once."""
    seen: set[int] = set()
    if len({id(event.node) for event in program.of(GradientTaken)}) < 2:
        return
    for sink in program.sinks:
        event = sink.event
        if (
            not isinstance(event, GradientTaken)
            or sink.kind != "tape"
            or sink.tape is None
            or not sink.path.connected
            or id(event.node) in seen
        ):
            continue
        marks, _ = sources_of(sink.sources)
        wanted = {id(value): value for value in sink.path.connected}
        full, flow = Flow(sink.tape, full=True, marks=marks), sink.gradient_flow
        for term in _terms(sink.target, full, wanted):
            if flow.recorded(term) or flow.reach(term).sources.keys() & wanted.keys():
                continue
            lost = {key: wanted[key] for key in full.reach(term).sources if key in wanted}
            operations = missed_between(sink, term, lost)
            inner = next((operation for operation in operations if operation.kind == "gradient"), None)
            if inner is not None:
                seen.add(id(event.node))
                yield Penalty(sink, inner, tuple(operations), tuple(lost.values()))
                break


def _terms(target: Value, full: Flow, wanted: dict[int, Value]) -> Iterator[Tensor]:
    """The values that are added up to the target, each perhaps times a constant, that depend on the sources."""
    stack = [target]
    while stack:
        value = stack.pop()
        if isinstance(value, Gradients):
            value = value.tensor
        if not isinstance(value, Tensor) or not full.among(value, wanted):
            continue
        operation = value.operation
        depending = [each for each in operation.inputs if full.among(each, wanted)]
        adding = operation.name in _ADDING
        scaling = operation.name in _SCALING and len(depending) == 1
        if operation.transfer == Transfer.STOP:
            continue
        if full.tape in operation.tapes and (adding or scaling):
            stack.extend(depending)
        else:
            yield value
