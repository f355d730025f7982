"""The operations that a gradient passes on its way back from a sink, and who uses what they make."""

from __future__ import annotations

from regrad.analysis.operations import Transfer
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Network, Operation, Tensor, Value, Variable

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


def leads(sink: Sink, earlier: set[int], later: set[int]) -> bool:
    """Whether what weights of `earlier` (identities) made goes into something that weights of `later` make."""
    flow = sink.gradient_flow
    for tensor in alive(sink):
        own, before = _own_and_before(tensor.operation)
        if not later.isdisjoint(own) and any(
            id(source) in earlier for value in before for source in flow.reach(value).sources.values()
        ):
            return True
    return False


def _own_and_before(operation: Operation) -> tuple[set[int], tuple[Value, ...]]:
    """The weights that an operation brings along, and the values that it was given."""
    from regrad.analysis import trainings

    owners = list(operation.sources)
    before = operation.inputs
    if operation.kind == "model" and isinstance(operation.callee, Network):
        # A functional model is called as one; its description comes first among the inputs.
        owners.append(operation.callee)
        if before and isinstance(before[0], Tensor) and before[0].symbolic:
            before = before[1:]
    own = {id(part) for owner in owners for part in trainings.inside(owner)}
    own.update(id(value) for value in before if isinstance(value, Variable))
    return own, tuple(value for value in before if not isinstance(value, Variable))
