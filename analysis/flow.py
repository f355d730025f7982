"""The gradient path: which sources a value reaches under a tape, and where the way to the others is cut."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken
from regrad.analysis.first_steps import starts_off_the_record
from regrad.analysis.frames import Frame
from regrad.analysis.operations import Transfer, is_integer
from regrad.analysis.values import (
    UNKNOWN,
    Collection,
    Constant,
    External,
    Gradients,
    Instance,
    Layer,
    Mapping,
    Network,
    Operation,
    Tape,
    Tensor,
    Union_,
    Unknown,
    Value,
    Variable,
    WeightList,
    Zip,
)

_PASSING = frozenset({Transfer.FLOWS, Transfer.JOIN, Transfer.UNKNOWN})
_CUT_OF = {
    Transfer.NONE: CutKind.NON_DIFFERENTIABLE,
    Transfer.ZERO: CutKind.ZERO_SLOPE,
    Transfer.STOP: CutKind.STOPPED,
    Transfer.LEAVES: CutKind.LEFT_TENSORFLOW,
    Transfer.MISSING: CutKind.NO_REGISTERED_GRADIENT,
    Transfer.INTEGER: CutKind.INTEGER,
}


@dataclass
class Reach:
    """What a value depends on: `sources` by identity; `data` are unknown things that are taken for data; `anything` is
    the unknown.
    """

    sources: dict[int, Value] = field(default_factory=dict)
    data: dict[int, Unknown] = field(default_factory=dict)
    anything: bool = False

    def add(self, other: Reach) -> None:
        self.sources.update(other.sources)
        self.data.update(other.data)
        self.anything = self.anything or other.anything


class FoundCut(NamedTuple):
    """Where a path ends: the operation behind which nothing flows, and the sources lost there."""

    kind: CutKind
    operation: Operation | None
    node: ast.AST | None
    frame: Frame | None
    name: str
    value: Value
    sources: tuple[Value, ...]


class Path(NamedTuple):
    """The sources of one gradient call: which are reached, which certainly are not, and whether all are known."""

    connected: tuple[Value, ...]
    lost: tuple[Value, ...]
    complete: bool
    anything: bool

    @property
    def dead(self) -> bool:
        """Whether certainly no source receives a gradient."""
        return bool(self.lost) and not self.connected and self.complete and not self.anything


_Masks = tuple[int, int, bool]
_NOTHING: _Masks = (0, 0, False)


class Flow:
    """Answers about one tape. With `tape=None`, or a graph's, everything is recorded. `full` ignores what cuts.

    `marks` are tensors that count as sources themselves, since the program asks for their gradient or looks for them.
    """

    def __init__(self, tape: Tape | None, full: bool = False, marks: Iterable[Value] = ()) -> None:
        self.tape = tape
        self.full = full
        self.marks = frozenset(id(value) for value in marks)
        self.graph = tape is None or bool(tape.fields.get("graph"))
        self.watched: dict[int, tuple[int, Value]] = dict(tape.fields.get("watched") or {}) if tape is not None else {}
        accessed = tape.fields.get("watch_accessed") if tape is not None else None
        self.watches_variables = not (isinstance(accessed, Constant) and accessed.value is False)
        # Sources are bits of a number: a deep model has thousands of operations that each depend on hundreds of
        # weights.
        self._known: dict[int, _Masks] = {}
        self._keep: list[Value] = []
        self._places: dict[int, int] = {}
        self._values: list[Value] = []
        self._covers: dict[int, tuple[int, bool]] = {}
        self._sources: dict[int, dict[int, Value]] = {}
        self._watches_any = bool(self.watched)

    def reach(self, value: Value) -> Reach:
        """The sources that a value depends on, differentiably and on the record (or, `full`, at all)."""
        sources, data, anything = self._masks(value)
        return Reach(self._decoded(sources), self._decoded(data), anything)  # type: ignore[arg-type]

    def arrives(self, value: Value) -> bool:
        """Whether a gradient comes from the value to any source, or may."""
        sources, _, anything = self._masks(value)
        return bool(sources) or anything

    def among(self, value: Value, wanted: Iterable[int]) -> list[int]:
        """Those of the wanted sources (identities) that the value depends on."""
        sources = self._masks(value)[0]
        if not sources:
            return []
        places = self._places
        return [key for key in wanted if key in places and sources >> places[key] & 1]

    def _masks(self, value: Value) -> _Masks:
        known = self._known
        found = known.get(id(value))
        if found is not None:
            return found
        stack: list[tuple[Value, Iterable[Value] | None]] = [(value, None)]
        while stack:
            current, parts = stack.pop()
            if parts is not None:
                known[id(current)] = self._combine(current, parts)
                continue
            if id(current) in known:
                continue
            known[id(current)] = _NOTHING  # stands in while a cycle is open
            self._keep.append(current)
            parts = self._parts(current)
            stack.append((current, parts))
            for part in parts:
                if id(part) not in known:
                    stack.append((part, None))
        return known[id(value)]

    def _bit(self, value: Value) -> int:
        place = self._places.get(id(value))
        if place is None:
            place = self._places[id(value)] = len(self._values)
            self._values.append(value)
        return 1 << place

    def _decoded(self, mask: int) -> dict[int, Value]:
        """The values that the bits stand for; a new dictionary, which the caller may change."""
        found = self._sources.get(mask)
        if found is None:
            found = {}
            left = mask
            while left:
                lowest = left & -left
                value = self._values[lowest.bit_length() - 1]
                found[id(value)] = value
                left ^= lowest
            self._sources[mask] = found
        return dict(found)

    # -- what a value is made of --

    def _parts(self, value: Value) -> Iterable[Value]:
        if isinstance(value, Tensor):
            operation = value.operation
            if self.full or (self.recorded(value) and operation.transfer in _PASSING):
                return operation.inputs
            return ()
        if isinstance(value, Unknown):
            if value.operation is not None:
                return value.operation.inputs if self.full or self._unknown_on_record(value) else ()
            return value.parents if value.origin in ("call", "join", "attribute", "element") else ()
        if isinstance(value, Union_):
            return value.alternatives
        if isinstance(value, Collection):
            return value.items
        if isinstance(value, Mapping):
            return tuple(value.entries.values())
        if isinstance(value, Zip):
            return value.parts
        if isinstance(value, Gradients):
            return (value.tensor,)
        if isinstance(value, WeightList):
            return value.sources
        if isinstance(value, Variable) and self.full:
            return tuple(blocked for blocked, _, _ in assigned_values(value))
        return ()

    def _combine(self, value: Value, parts: Iterable[Value]) -> _Masks:
        sources, data, anything = 0, 0, False
        known = self._known
        is_tensor = isinstance(value, Tensor)
        late = self._watched_later(value)
        for part in parts:
            part_sources, part_data, part_anything = known.get(id(part)) or _NOTHING
            if self._watches_any and isinstance(value, Tensor):
                watched = self.watched.get(id(part))
                if watched is not None and watched[0] < value.operation.serial and not integer_source(part):
                    part_sources |= self._bit(part)
                if (
                    late
                    and not (part_anything or part_sources & ~late)
                    and starts_off_the_record(value.operation, part)
                ):
                    continue
            sources |= part_sources
            data |= part_data
            anything = anything or part_anything
        if self._watches_any and id(value) in self.watched:
            sources |= self._bit(value)
        marked = id(value) in self.marks
        if marked and (self.full or ((sources or anything) and not isinstance(value, Unknown))):
            sources |= self._bit(value)
        if is_tensor:
            assert isinstance(value, Tensor)
            operation = value.operation
            # What ran before a tensor was watched was recorded only for the sake of other inputs, if there were any.
            if late and not (anything or operation.sources or operation.kind == "unknown" or sources & ~late):
                sources &= ~late
            if self.full or (self.recorded(value) and operation.transfer in _PASSING):
                for source in operation.sources:
                    covered, opened = self._covered(source)
                    sources |= covered
                    anything = anything or opened
                if operation.kind == "unknown":
                    anything = True
                if marked and (sources or anything):
                    sources |= self._bit(value)
            if not self.full and operation.kind != "join" and is_integer(value.dtype):
                return _NOTHING
        elif isinstance(value, Variable):
            if self.full or self._watches(value):
                sources |= self._bit(value)
        elif isinstance(value, (Layer, Network, Instance)):
            covered, opened = self._covered(value)
            sources |= covered
            anything = anything or opened
        elif isinstance(value, Unknown):
            own_sources, own_data, own_anything = self._unknown(value)
            return sources | own_sources, data | own_data, anything or own_anything
        return sources, data, anything

    def _watched_later(self, value: Value) -> int:
        """The tensors that were not watched yet when the operation of a value ran."""
        late = 0
        if self._watches_any and not self.full and isinstance(value, Tensor) and not value.symbolic:
            for key, (serial, watched_value) in self.watched.items():
                if serial > value.operation.serial and key != id(value):
                    late |= self._bit(watched_value)
        return late

    def _covered(self, value: Value) -> tuple[int, bool]:
        found = self._covers.get(id(value))
        if found is None:
            reach = Reach()
            cover(value, reach)
            mask = 0
            for source in reach.sources.values():
                mask |= self._bit(source)
            found = self._covers[id(value)] = (mask, reach.anything)
        return found

    def _unknown(self, value: Unknown) -> _Masks:
        if value is UNKNOWN:
            return 0, 0, True
        if value.operation is not None:
            if not self.full and not self._unknown_on_record(value):
                return _NOTHING
            callee = value.operation.callee
            return (self._bit(callee) | self._bit(callee.root()) if isinstance(callee, Unknown) else 0), 0, True
        if value.origin in ("parameter", "name"):
            return 0, self._bit(value), False
        if value.origin == "attribute":
            return self._bit(value) | self._bit(value.root()), 0, True
        return 0, 0, (value.origin == "call" and bool(value.parents)) or (value.origin == "join" and not value.parents)

    def recorded(self, value: Tensor) -> bool:
        """Whether the tape saw the operation; a model's symbolic inside is run again whenever the model is called."""
        return value.symbolic or value.operation.kind in ("join", "index_join") or self._on_record(value.operation)

    def _unknown_on_record(self, value: Unknown) -> bool:
        if "symbolic" in value.facts:
            return True
        operation = value.operation
        return operation is not None and (self._on_record(operation) or _makes_an_object(operation))

    def _on_record(self, operation: Operation) -> bool:
        return self.graph or self.tape in operation.tapes

    def _watches(self, variable: Variable) -> bool:
        if id(variable) in self.watched:
            return True
        if is_integer(variable.fields.get("dtype") if isinstance(variable.fields.get("dtype"), str) else None):
            return False
        if not self.watches_variables:
            return False
        stated = variable.fields.get("trainable")
        switched_off = isinstance(stated, Constant) and not stated.value
        return not switched_off or (variable.maker == "add_weight" and self.graph)


def _makes_an_object(operation: Operation) -> bool:
    """Whether it made an object of a class that is not known, which may read the variables it holds whenever it is
    used (a distribution, a deferred or transformed tensor): when it was made says nothing.
    """
    callee = operation.callee
    return isinstance(callee, External) and callee.name.rpartition(".")[2][:1].isupper()


def cover(value: Value, result: Reach) -> None:
    """A layer or model stands for all the weights inside it."""
    from regrad.analysis.weights import sublayers

    stack: list[Value] = [value]
    while stack:
        current = stack.pop()
        if id(current) in result.sources:
            continue
        result.sources[id(current)] = current
        if isinstance(current, Unknown):
            result.anything = True
        if isinstance(current, (Layer, Network, Instance)):
            stack.extend(sublayers(current))


def assigned_values(variable: Variable) -> Iterator[tuple[Value, ast.AST | None, Frame | None]]:
    """What was put into a variable: its first value and every assigned one, with the place."""
    if variable.initial is not None:
        yield variable.initial, variable.node, variable.frame
    for _, _, value, node, frame in variable.fields.get("#assigned") or ():
        yield value, node, frame


def sources_of(value: Value) -> tuple[list[Value], bool]:
    """The single sources that a `sources` argument names, and whether these are all."""
    if isinstance(value, Collection):
        items: list[Value] = []
        complete = value.covered
        for item in value.items:
            inner, whole = sources_of(item)
            items.extend(inner)
            complete = complete and whole
        return items, complete
    if isinstance(value, Mapping):
        return sources_of(Collection("list", tuple(value.entries.values()), value.complete))
    if isinstance(value, WeightList):
        opened: list[Value] = []
        whole_list = value.complete
        for source in value.sources:
            if isinstance(source, (Collection, WeightList, Mapping)):
                inner, whole = sources_of(source)
                opened.extend(inner)
                whole_list = whole_list and whole
            else:
                opened.append(source)
        return opened, whole_list
    if isinstance(value, (Variable, Tensor, Layer)):
        return [value], True
    if isinstance(value, Gradients):
        return [value.tensor], True
    return [value], False


def path_of(event: GradientTaken) -> Path:
    """What the gradient call of an event reaches."""
    return path(event.tape, event.target, event.sources)


def path(tape: Tape | None, target: Value, sources: Value, flow: Flow | None = None) -> Path:
    """Which of the sources the target reaches under the tape; `flow` has looked at it already."""
    items, complete = sources_of(sources)
    owners = _owners(sources)
    reach = (flow or Flow(tape, marks=items)).reach(target)
    connected: list[Value] = []
    lost: list[Value] = []
    for item in items:
        # Of something unknown it can be said that it is not reached only where it is the model whose variables are
        # asked for.
        certain = not isinstance(item, Unknown) or id(item) in owners
        (connected if not certain or _connected(item, reach) else lost).append(item)
    return Path(tuple(connected), tuple(lost), complete, reach.anything)


def _owners(sources: Value) -> set[int]:
    if isinstance(sources, WeightList):
        return {
            id(owner)
            for owner in sources.owners
            if isinstance(owner, Unknown) and owner.origin in ("parameter", "name", "attribute")
        }
    if isinstance(sources, Collection):
        return set().union(set(), *(_owners(item) for item in sources.items))
    return set()


def _connected(item: Value, reach: Reach) -> bool:
    if reach.anything or id(item) in reach.sources:
        return True
    if isinstance(item, Unknown):
        root = item.root()
        if id(root) in reach.sources or id(item) in reach.data or id(root) in reach.data:
            return True
        return any(other.root() is root for other in reach.data.values())
    return isinstance(item, (Union_, Collection, WeightList)) or (
        isinstance(item, Instance) and id(item) in reach.sources
    )


def cuts(tape: Tape | None, target: Value, lost: Iterable[Value]) -> list[FoundCut]:
    """Where the paths from the target to the lost sources end; an empty list where the target does not depend on them
    at all.
    """
    wanted = {id(value): value for value in lost}
    for value in list(wanted.values()):
        if isinstance(value, Unknown):
            wanted[id(value.root())] = value.root()
    flow, full = Flow(tape, marks=wanted.values()), Flow(tape, full=True, marks=wanted.values())
    found: dict[int, FoundCut] = {}
    seen: set[int] = set()
    stack: list[Value] = [target]
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        here = {key: wanted[key] for key in full.among(value, wanted)}
        if not here:
            continue
        kind_here = blocked(value, flow)
        if kind_here is not None and not (isinstance(value, Tensor) and id(value) in wanted):
            operation = value.operation if isinstance(value, (Tensor, Unknown)) else None
            if operation is not None:
                found[id(operation)] = FoundCut(
                    kind_here, operation, operation.node, operation.frame, operation.name, value, tuple(here.values())
                )
            continue
        if isinstance(value, Variable):
            for inner, node, frame in assigned_values(value):
                if full.among(inner, wanted):
                    found[id(value)] = FoundCut(
                        CutKind.ASSIGNED, None, node, frame, "assign", value, tuple(here.values())
                    )
            if id(value) in wanted and not flow._watches(value):
                kind = CutKind.INTEGER if is_integer(value.fields.get("dtype")) else CutKind.NOT_TRAINABLE
                found.setdefault(id(value), FoundCut(kind, None, value.node, value.frame, value.maker, value, (value,)))
            continue
        if isinstance(value, Tensor) and id(value) in wanted and id(value) in flow.watched and integer_source(value):
            made = value.operation
            found[id(made)] = FoundCut(CutKind.INTEGER, made, made.node, made.frame, made.name, value, (value,))
            continue
        if isinstance(value, Tensor) and id(value) in wanted and id(value) not in flow.watched:
            found[id(value)] = FoundCut(
                CutKind.NOT_WATCHED,
                value.operation,
                value.operation.node,
                value.operation.frame,
                value.operation.name,
                value,
                (value,),
            )
            continue
        stack.extend(flow._parts(value) if not isinstance(value, Unknown) else full._parts(value))
        if isinstance(value, Tensor):
            stack.extend(source for source in value.operation.sources if isinstance(source, Variable))
    return sorted(found.values(), key=lambda cut: cut.operation.serial if cut.operation is not None else 0)


def blocked(value: Value, flow: Flow) -> CutKind | None:
    """Why nothing flows back through the operation that made a value; None where it does."""
    if isinstance(value, Unknown):
        if value.operation is not None and "symbolic" not in value.facts and not flow._on_record(value.operation):
            return _outside(value.operation, flow.tape)
        return None
    if not isinstance(value, Tensor):
        return None
    operation = value.operation
    if not flow.recorded(value):
        return _outside(operation, flow.tape)
    kind = _CUT_OF.get(Transfer(operation.transfer))
    if kind is not None:
        return kind
    if is_integer(value.dtype) and operation.kind != "join":
        return CutKind.INTEGER
    return None


def integer_source(value: Value) -> bool:
    """Whether a source itself holds integers, so that no tape can watch it."""
    if isinstance(value, Variable):
        dtype = value.fields.get("dtype")
        return is_integer(dtype if isinstance(dtype, str) else None)
    return isinstance(value, Tensor) and is_integer(value.dtype)


def _outside(operation: Operation, tape: Tape | None) -> CutKind:
    if tape is None:
        return CutKind.BEFORE_TAPE
    opened = tape.fields.get("#opened") or tape.serial
    closed = tape.fields.get("#closed")
    if operation.serial < opened:
        return CutKind.BEFORE_TAPE
    if closed is not None and operation.serial > closed:
        return CutKind.AFTER_TAPE
    return CutKind.TAPE_PAUSED
