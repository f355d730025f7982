"""What a tape missed: the operations on the way from a target to its sources that ran while it did not record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from regrad.analysis.flow import Flow, sources_of
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Operation, Tape, Tensor, Unknown, Value, Variable


class Recorded(Flow):
    """What would be reached if the tape saw everything: a way ends where an operation has no gradient, and only there.

    With `full`, it ends nowhere.
    """

    def __init__(self, tape: Tape | None, full: bool, marks: Iterable[Value]) -> None:
        super().__init__(tape, full, marks)
        self.graph = self.watches_variables = True
        # What is watched stands among the marks where it is asked for.
        self.watched, self._watches_any = {}, False

    def _combine(self, value: Value, parts: Iterable[Value]) -> tuple[int, int, bool]:
        sources, data, anything = super()._combine(value, parts)
        return sources | self._bit(value) if id(value) in self.marks else sources, data, anything


def missed(sink: Sink) -> list[Operation]:
    """The operations that the tape did not see on the way from the target to the lost sources, as they ran."""
    lost: dict[int, Value] = {id(value): value for value in sink.path.lost}
    for value in sink.path.lost:
        if isinstance(value, Unknown):
            lost[id(value.root())] = value.root()
    return missed_between(sink, sink.target, lost)


def missed_between(sink: Sink, start: Value, lost: Mapping[int, Value]) -> list[Operation]:
    """The same from `start` to some of the sources.

    A way that ends elsewhere too (at `stop_gradient`, in NumPy) would not be mended by recording what lies on it; it
    counts only where there is no other.
    """
    return _on_the_way(sink, start, lost, full=False) or _on_the_way(sink, start, lost, full=True)


def _on_the_way(sink: Sink, start: Value, lost: Mapping[int, Value], *, full: bool) -> list[Operation]:
    way = Recorded(sink.tape, full, sources_of(sink.sources)[0])
    flow = Flow(sink.tape)
    found: dict[int, Operation] = {}
    seen: set[int] = set()
    stack: list[Value] = [start]
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if not any(key in lost for key in way.reach(value).sources) or (
            id(value) in lost and isinstance(value, Tensor)
        ):
            continue
        if isinstance(value, Variable):
            continue  # what was assigned to it earlier is no part of this computation
        operation = value.operation if isinstance(value, (Tensor, Unknown)) else None
        if operation is not None and operation.kind != "join" and not _seen(flow, value):
            found[id(operation)] = operation
        stack.extend(way._parts(value))
    return sorted(found.values(), key=lambda operation: operation.serial)


def _seen(flow: Flow, value: Value) -> bool:
    if isinstance(value, Unknown):
        return flow._unknown_on_record(value)
    return isinstance(value, Tensor) and flow.recorded(value)
