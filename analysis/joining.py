"""Where branches meet: the value that stands for either of two, and what a loop carries from one pass to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from regrad.analysis.operations import Transfer
from regrad.analysis.store import MISSING, Writes
from regrad.analysis.values import (
    UNKNOWN,
    Collection,
    Constant,
    Dataset,
    External,
    Imported,
    Mapping,
    Tensor,
    Union_,
    Unknown,
    Value,
    Variable,
    WeightList,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter

ALTERNATIVES = 4
DEEPEST = 8
"""Containers in containers are joined element by element down to this depth."""


def join(interpreter: Interpreter, one: Any, other: Any) -> Any:
    """A value that is one or the other. State that is not a `Value` (flags, tuples) is kept where equal."""
    if one is other:
        return one
    if isinstance(one, Imported) or isinstance(other, Imported):
        one = one.value() if isinstance(one, Imported) else one
        return join(interpreter, one, other.value() if isinstance(other, Imported) else other)
    if not isinstance(one, Value) or not isinstance(other, Value):
        return _join_state(interpreter, one, other)
    if (
        isinstance(one, Constant)
        and isinstance(other, Constant)
        and type(one.value) is type(other.value)
        and one.value == other.value
    ):
        return one
    if isinstance(one, External) and isinstance(other, External) and one.name == other.name:
        return one
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return join_tensors(interpreter, (one, other))
    if isinstance(one, (Collection, Mapping)) and isinstance(other, (Collection, Mapping)):
        return _join_containers(interpreter, one, other)
    if isinstance(one, WeightList) and isinstance(other, WeightList):
        sources = (*one.sources, *(s for s in other.sources if s not in one.sources))
        owners = (*one.owners, *(o for o in other.owners if o not in one.owners))
        reads = (*one.reads, *(r for r in other.reads if r not in one.reads))
        return WeightList(owners, one.attribute, sources, one.complete and other.complete, one.node, reads)
    if isinstance(one, Dataset) and isinstance(other, Dataset) and one.kind == other.kind:
        if one.element is None or other.element is None:
            return Dataset(one.kind, None, one.node)
        return Dataset(one.kind, join(interpreter, one.element, other.element), one.node)
    return _alternatives(interpreter, one, other)


def _join_containers(interpreter: Interpreter, one: Collection | Mapping, other: Collection | Mapping) -> Value:
    interpreter.joins += 1
    try:
        if interpreter.joins > DEEPEST:
            # They may hold themselves.
            return Unknown("join", "", (one, other), interpreter.tick())
        return _join_equal_containers(interpreter, one, other)
    finally:
        interpreter.joins -= 1


def _join_equal_containers(interpreter: Interpreter, one: Collection | Mapping, other: Collection | Mapping) -> Value:
    if (
        isinstance(one, Collection)
        and isinstance(other, Collection)
        and one.kind == other.kind
        and len(one.items) == len(other.items)
    ):
        items = tuple(join(interpreter, a, b) for a, b in zip(one.items, other.items, strict=True))
        made = Collection(one.kind, items, one.complete and other.complete, one.node, one.grown or other.grown)
        # What is put into either is put into one of these.
        made.fields["#either"] = (one, other)
        return made
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.entries.keys() == other.entries.keys():
        entries = {key: join(interpreter, value, other.entries[key]) for key, value in one.entries.items()}
        return Mapping(entries, one.complete and other.complete, one.node)
    return _alternatives(interpreter, one, other)


def _alternatives(interpreter: Interpreter, one: Value, other: Value) -> Value:
    alternatives: list[Value] = []
    for value in (one, other):
        for part in value.alternatives if isinstance(value, Union_) else (value,):
            if not any(part is known or _same(part, known) for known in alternatives):
                alternatives.append(part)
    if len(alternatives) == 1:
        return alternatives[0]
    if len(alternatives) > ALTERNATIVES:
        return Unknown("join", "", tuple(alternatives), interpreter.tick())
    return Union_(tuple(alternatives))


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, Constant) and isinstance(other, Constant):
        return type(one.value) is type(other.value) and bool(one.value == other.value)
    return one is UNKNOWN and other is UNKNOWN


def _join_state(interpreter: Interpreter, one: Any, other: Any) -> Any:
    if isinstance(one, tuple) and isinstance(other, tuple):
        if len(one) != len(other):
            return one if len(one) > len(other) else other
        return tuple(join(interpreter, a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **other}
    if type(one) is type(other) and one == other:
        return one
    if one is None or other is None:
        return other if one is None else one
    if isinstance(one, bool) and isinstance(other, bool):
        return False
    if isinstance(one, int) and isinstance(other, int):
        return max(one, other)
    return UNKNOWN


def join_tensors(interpreter: Interpreter, tensors: tuple[Tensor, ...]) -> Tensor:
    """One of several tensors: whatever flows through any of them flows."""
    first = tensors[0]
    dtype = first.dtype if all(t.dtype == first.dtype for t in tensors) else None
    shape = first.shape if all(t.shape == first.shape for t in tensors) else None
    facts = frozenset.intersection(*(t.facts for t in tensors))
    return interpreter.operation(
        "join",
        "join",
        first.operation.node,
        tensors,
        Transfer.JOIN,
        dtype=dtype,
        shape=shape,
        numpy=all(t.numpy for t in tensors),
        facts=facts,
    )


def join_all(interpreter: Interpreter, values: Sequence[Value]) -> Value:
    """One of several values; UNKNOWN for none."""
    if not values:
        return UNKNOWN
    result: Value = values[0]
    for value in values[1:]:
        result = join(interpreter, result, value)
    return result


def carried(replaced: Writes) -> bool:
    """Whether a pass through a loop changed something old to a thing of another kind, so that the next pass differs."""
    return any(
        old is not MISSING and _kind(old) != _kind(fields.get(key, MISSING)) for fields, key, old in replaced.values()
    )


def _kind(value: Any) -> object:
    if isinstance(value, Constant):
        return ("constant", value.value if isinstance(value.value, (bool, str, type(None))) else type(value.value))
    if isinstance(value, Tensor):
        return ("tensor", value.dtype, value.operation.transfer is Transfer.JOIN or bool(value.operation.tapes))
    if isinstance(value, Variable):
        return ("variable", id(value))
    if isinstance(value, (tuple, dict)):
        return type(value)
    if isinstance(value, int) and not isinstance(value, bool):
        # Counts (gradients taken of a tape, training steps of a model): none, one, several.
        return min(value, 2)
    return value if isinstance(value, bool) else type(value)
