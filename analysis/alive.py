"""The operations that a gradient passes on its way back from a sink, and who uses what they make."""

from __future__ import annotations

from regrad.analysis.operations import Transfer
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Tensor, Value

_PASSING = frozenset({Transfer.FLOWS, Transfer.JOIN, Transfer.UNKNOWN})


def alive(sink: Sink) -> tuple[Tensor, ...]:
    """The tensors between the target and the sources that a gradient comes through, in order."""
    known = sink.__dict__.get("#alive")
    if known is None:
        known = sink.__dict__["#alive"] = _alive(sink)
    found: tuple[Tensor, ...] = known
    return found


def _alive(sink: Sink) -> tuple[Tensor, ...]:
    flow = sink.gradient_flow
    found: dict[int, Tensor] = {}
    seen: set[int] = set()
    stack: list[Value] = [sink.target]
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if not flow.arrives(value):
            continue
        if isinstance(value, Tensor):
            if not flow.recorded(value) or value.operation.transfer not in _PASSING:
                continue
            found[id(value)] = value
            stack.extend(value.operation.inputs)
        else:
            stack.extend(flow._parts(value))
    return tuple(sorted(found.values(), key=lambda each: each.operation.serial))


def users(tensors: tuple[Tensor, ...]) -> dict[int, list[Tensor]]:
    """By the identity of a value, the tensors among these that are made of it directly."""
    found: dict[int, list[Tensor]] = {}
    for tensor in tensors:
        for part in {id(each): each for each in tensor.operation.inputs}.values():
            found.setdefault(id(part), []).append(tensor)
    return found
