"""Stopped values that another network's prediction is measured against: a teacher, or a fixed random network."""

from __future__ import annotations

from regrad.analysis.flow import Flow
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Tensor, Value
from regrad.codemods.engine.operations_of import reached

_COMPARING = frozenset({"subtract", "squared_difference"})


def is_target_of_another(sink: Sink, stopped: Value) -> bool:
    """Whether every way from a value to the loss goes through a comparison with what trained weights predict, none of
    which it is made of itself.
    """
    connected = sink.path.connected
    marks = {id(source): source for source in connected}
    if not connected or Flow(sink.tape, full=True, marks=connected).among(stopped, marks):
        return False
    above: dict[int, list[Tensor]] = {}
    for value in reached(iter((sink.target,))):
        for part in value.operation.inputs:
            above.setdefault(id(part), []).append(value)
    trained = Flow(sink.tape, marks=connected)
    seen: set[int] = set()
    waiting: list[Value] = [stopped]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        users = above.get(id(current), [])
        if not users:
            return False
        waiting += [user for user in users if not _compares(user, current, trained, marks)]
    return True


def _compares(user: Tensor, value: Value, trained: Flow, marks: dict[int, Value]) -> bool:
    """Whether an operation holds a value that trains nothing against one that does."""
    operation = user.operation
    if operation.name not in _COMPARING and operation.kind != "loss":
        return False
    others = [part for part in operation.inputs if part is not value and isinstance(part, Tensor)]
    return len(others) == 1 and bool(trained.among(others[0], marks))
