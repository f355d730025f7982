"""Whether `stop_gradient` is what keeps a part of a model from being trained, and not a term that was forgotten.

A baseline, a target and a teacher are stopped on purpose: beside them the loss that would train them is missing. A stop
is the mistake where it stands on a term of the loss, or on what the part makes of trained weights, compared with what
is trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from regrad.analysis.cut import CutKind
from regrad.analysis.flow import Flow
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Constant, Tensor, Value, Variable
from regrad.analysis.walking import each_once

_SUMS = frozenset({"add", "subtract", "add_n"})
_LINEAR = _SUMS | {"multiply", "divide", "reduce_mean", "reduce_sum", "mean", "sum", "join", "cast", "negative"}


def explained(sink: Sink, parts: Sequence[Value]) -> bool:
    """Whether stops alone part the loss from these parts, and one of them looks like a mistake."""
    wanted = {id(part) for part in parts}
    stops = [
        cut for cut in sink.cuts if cut.kind is CutKind.STOPPED and any(id(part) in wanted for part in cut.sources)
    ]
    if not stops or not wanted <= {id(part) for cut in stops for part in cut.sources}:
        return False
    return bool(mistaken(sink, parts, [cut.value for cut in stops]))


def mistaken(sink: Sink, parts: Sequence[Value], stopped: Sequence[Value]) -> list[Value]:
    """Those stopped values on the way to the parts that look like a mistake."""
    graph = _Graph(sink, parts)
    return [value for value in stopped if graph.mistaken(value)]


class _Graph:
    """All that the loss is computed from, on the way to the parts or not."""

    def __init__(self, sink: Sink, parts: Sequence[Value]) -> None:
        self._flow = sink.gradient_flow
        self._full = Flow(sink.tape, full=True, marks=parts)
        self._wanted = {id(part) for part in parts}
        self._target = sink.target
        self._users: dict[int, list[Value]] = {}
        for value in each_once((sink.target,), self._full._parts):
            for part in self._full._parts(value):
                self._users.setdefault(id(part), []).append(value)

    def mistaken(self, stopped: Value) -> bool:
        """Whether a stopped value is a term of the loss, or the output of the part itself next to what is trained."""
        meetings, mixed = self._meetings(stopped)
        if not meetings:
            return False
        if all(self._adds(meeting) for meeting in meetings):
            return True
        return not mixed and self._own_output(stopped)

    def _meetings(self, stopped: Value) -> tuple[list[Tensor], bool]:
        """Where the value meets what a gradient comes through, and whether it met data before."""
        found: list[Tensor] = []
        mixed = False
        stack, seen = [stopped], {id(stopped)}
        while stack:
            value = stack.pop()
            for user in self._users.get(id(value), ()):
                if id(user) in seen:
                    continue
                seen.add(id(user))
                if isinstance(user, Tensor):
                    if self._flow.arrives(user):
                        found.append(user)
                        continue
                    mixed = mixed or any(_is_data(part) and id(part) not in seen for part in user.operation.inputs)
                stack.append(user)
        return found, mixed

    def _adds(self, meeting: Tensor) -> bool:
        """Whether it is added to the rest of the loss, and the sum is the loss."""
        if meeting.operation.name not in _SUMS:
            return False
        value: Value = meeting
        while value is not self._target:
            users = self._users.get(id(value), [])
            if not users:
                return False
            value = users[0]
            if isinstance(value, Tensor) and value.operation.name not in _LINEAR:
                return False
        return True

    def _own_output(self, stopped: Value) -> bool:
        """Whether what is stopped was made by the part alone, and the part is fed by what is trained."""
        fed = False

        def dependent(value: Value) -> Iterator[Value]:
            return (part for part in self._full._parts(value) if self._depends(part))

        for value in each_once(self._full._parts(stopped), dependent):
            own = bool(isinstance(value, Tensor) and value.operation.sources)
            for part in self._full._parts(value):
                if self._depends(part):
                    continue
                if self._flow.arrives(part):
                    fed = True
                elif not own and _is_data(part):
                    return False
        return fed

    def _depends(self, value: Value) -> bool:
        return bool(self._full.among(value, self._wanted))


def _is_data(value: Value) -> bool:
    if isinstance(value, (Constant, Variable)):
        return False
    if isinstance(value, Tensor) and value.operation.kind == "constant":
        # `tf.constant(rows)` holds data, `tf.constant(0.5)` a number.
        return bool(value.operation.inputs) or bool(value.shape)
    return not (isinstance(value, Tensor) and value.operation.kind == "input")
