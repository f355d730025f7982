"""Numbers that only say which rows of a table are taken: no gradient comes to them, whatever they are made of."""

from __future__ import annotations

from regrad.analysis.flow import Flow
from regrad.analysis.operations import Transfer
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Tensor, Value, Variable

_LOOKUPS = frozenset({"gather", "gather_nd", "batch_gather", "take", "take_along_axis", "embedding_lookup"})


def picked_rows(sink: Sink) -> tuple[Tensor, ...]:
    """What the lost sources of a request picked, where they do nothing else on their way to the target; empty where
    that is not so. The gradient of what was picked exists.
    """
    found: tuple[Tensor, ...] | None = sink.__dict__.get("#picked")
    if found is None:
        found = sink.__dict__["#picked"] = _picked(sink)
    return found


def _picked(sink: Sink) -> tuple[Tensor, ...]:
    lost = sink.path.lost
    if not lost or sink.path.anything or not all(isinstance(value, Tensor) for value in lost):
        return ()
    wanted = {id(value) for value in lost}
    full = Flow(sink.tape, full=True, marks=lost)
    found: dict[int, Tensor] = {}
    taken: set[int] = set()
    seen: set[int] = set()
    stack: list[Value] = [sink.target]
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        here = full.among(value, wanted)
        if not here:
            continue
        if id(value) in wanted:
            return ()
        parts = tuple(full._parts(value))
        if isinstance(value, Tensor) and _described(value):
            first, *given = parts
            inside = _inside(first)
            if inside:
                found.update({id(each): each for each in inside})
                taken.update(key for part in given for key in full.among(part, wanted))
                continue
            parts = tuple(given)
        elif isinstance(value, Tensor):
            rows, rest = _lookup(value, parts)
            if any(full.among(row, wanted) for row in rows):
                found[id(value)] = value
                taken.update(key for row in rows for key in full.among(row, wanted))
                parts = rest
            elif _decides(value):
                continue
        stack.extend(part for part in parts if not isinstance(part, Variable))
    return tuple(found.values()) if taken == wanted else ()


def _described(value: Tensor) -> bool:
    """Whether it is what a functional model gave, whose description comes first among the inputs."""
    inputs = value.operation.inputs
    return value.operation.kind == "model" and bool(inputs) and isinstance(inputs[0], Tensor) and inputs[0].symbolic


def _inside(output: Value) -> list[Tensor]:
    """The lookups of a functional model, where its input goes nowhere else."""
    found: dict[int, Tensor] = {}
    seen: set[int] = set()
    stack: list[Value] = [output]
    while stack:
        value = stack.pop()
        if id(value) in seen or not isinstance(value, Tensor):
            continue
        seen.add(id(value))
        if value.operation.kind == "input":
            return []
        if _described(value):
            first, *given = value.operation.inputs
            inside = _inside(first)
            found.update({id(each): each for each in inside})
            stack.extend(() if inside else given)
            continue
        rows, rest = _lookup(value, value.operation.inputs)
        if rows:
            found[id(value)] = value
        elif _decides(value):
            continue
        stack.extend(rest)
    return list(found.values())


def _lookup(value: Tensor, parts: tuple[Value, ...]) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """Of a lookup the numbers of the rows and the rest; of anything else nothing and all."""
    operation = value.operation
    if operation.kind == "layer" and operation.name == "Embedding":
        return parts, ()
    if operation.kind == "op" and operation.name in _LOOKUPS and len(parts) > 1:
        return parts[1:], parts[:1]
    return (), parts


def _decides(value: Tensor) -> bool:
    """Whether it is a comparison, a count or the like, through which nothing flows whatever it is given."""
    operation = value.operation
    return operation.transfer in (Transfer.INTEGER, Transfer.NONE) and operation.name not in ("cast", "constant")
