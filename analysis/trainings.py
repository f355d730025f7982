"""Every training of a program with the weights that it updates and those that are switched off, and the places
that switched them off.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from regrad.analysis import flow, weights
from regrad.analysis.events import Event, GradientTaken, Minimized, ModelCalled, TrainableSet, Trained, WeightsRead
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.record import Record
from regrad.analysis.values import Collection, Constant, Instance, Layer, Network, Unknown, Value, Variable, WeightList


class Training(Record):
    """One training of `owner` as it stood when it began. `own_step`: the class decides itself which weights move."""

    owner: Value
    trained: tuple[Value, ...]
    frozen: tuple[Value, ...]
    complete: bool
    built: bool
    event: Event
    own_step: bool = False

    @property
    def through_keras(self) -> bool:
        """Whether it is `fit` or the like, rather than a tape."""
        return isinstance(self.event, Trained)


class Freeze(Record):
    """A place that switches something off: an assignment (`event` is there), or the `trainable=False` of the
    constructor call `node`.
    """

    node: ast.AST
    frame: Frame
    owner: Value
    serial: int
    event: TrainableSet | None


def trainings(program: Program) -> list[Training]:
    """The trainings of a program, in order."""
    return list(program.once(_trainings))


def _trainings(program: Program) -> list[Training]:
    reads: dict[int, list[WeightsRead]] = {}
    for read in program.of(WeightsRead):
        reads.setdefault(id(read.node), []).append(read)
    found: list[Training] = []
    for event in program.events:
        if isinstance(event, Trained):
            found.append(
                Training(event.model, event.sources, event.frozen, event.complete, True, event, event.own_step)
            )
        elif isinstance(event, (GradientTaken, Minimized)):
            asked = event.sources if isinstance(event, GradientTaken) else event.variables
            for part in lists_in(asked):
                earlier = [read for read in reads.get(id(part.node), ()) if read.serial <= event.serial]
                if earlier and part.trainable_only and len(part.owners) == 1:
                    last = earlier[-1]
                    found.append(Training(last.owner, last.sources, last.frozen, last.complete, last.built, event))
    return found


def lists_in(value: Value) -> Iterator[WeightList]:
    """The weight lists in a `sources` argument."""
    if isinstance(value, WeightList):
        yield value
    elif isinstance(value, Collection):
        for item in value.items:
            yield from lists_in(item)


def updated(program: Program, own_steps: bool = True) -> set[int]:
    """The identities of everything that any training of the program updates, or asks the gradient of.

    Of a class with its own `train_step` everything may be updated; without `own_steps`, only what that step asks for
    counts.
    """
    found: set[int] = set()
    for training in trainings(program):
        if own_steps or not training.own_step:
            found.update(id(value) for value in training.trained)
    for event in program.events:
        if isinstance(event, GradientTaken):
            found.update(id(value) for value in flow.sources_of(event.sources)[0])
        elif isinstance(event, Minimized):
            found.update(id(value) for value in flow.sources_of(event.variables)[0])
    return found


def inside(owner: Value) -> list[Value]:
    """The owner and everything that Keras tracks in it, at any depth."""
    found: list[Value] = []
    seen: set[int] = set()
    stack: list[Value] = [owner]
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        found.append(value)
        if isinstance(value, (Layer, Network, Instance)):
            stack.extend(reversed(weights.sublayers(value)))
    return found


def chain(root: Value, part: Value) -> list[Value]:
    """The containers from `root` down to `part`, both included; only `part` where it is not inside."""
    known: dict[int, Value | None] = {id(root): None}
    stack: list[Value] = [root]
    while stack:
        value = stack.pop()
        if value is part:
            way: list[Value] = []
            current: Value | None = value
            while current is not None:
                way.append(current)
                current = known[id(current)]
            return way[::-1]
        if isinstance(value, (Layer, Network, Instance)):
            for inner in weights.sublayers(value):
                if id(inner) not in known:
                    known[id(inner)] = value
                    stack.append(inner)
    return [part]


def unknown_inside(program: Program, owner: Value) -> bool:
    """Whether something inside that is not known may have weights: the result of an unknown call, or what is
    called like a layer.
    """
    called = {id(event.model) for event in program.of(ModelCalled) if isinstance(event.model, Unknown)}
    for value in inside(owner):
        if isinstance(value, Unknown) and (
            value.operation is not None or value.origin in ("element", "join") or id(value) in called
        ):
            return True
    return False


class Switches:
    """Answers what switched a layer on or off, and when."""

    def __init__(self, program: Program) -> None:
        self._events = [(event, {id(value) for value in inside(event.owner)}) for event in program.of(TrainableSet)]

    def settings(self, value: Value) -> list[TrainableSet]:
        """The assignments that set this very object's flag, directly or through something that holds it, in order."""
        return [event for event, covered in self._events if id(value) in covered]

    def at(self, node: ast.AST) -> list[TrainableSet]:
        """Every assignment that was made at one place of the source."""
        return [event for event, _ in self._events if event.node is node]

    def off(self, value: Value, before: int) -> Freeze | None:
        """What had switched this very object off at the moment `before`; None where its own flag was on, or is
        not known.
        """
        earlier = [event for event in self.settings(value) if event.serial < before]
        if earlier:
            last = earlier[-1]
            if isinstance(last.value, Constant) and not last.value.value:
                return Freeze(last.node, last.frame, last.owner, last.serial, last)
            return None
        return constructed_off(value)

    def freezes(self, root: Value, part: Value, before: int) -> list[Freeze]:
        """All that kept `part` from being trained as a part of `root` at that moment, outermost first."""
        found: list[Freeze] = []
        for value in chain(root, part):
            freeze = self.off(value, before)
            if freeze is not None and all(freeze.node is not other.node for other in found):
                found.append(freeze)
        return found

    def switched_on(self, values: Iterable[Value], after: int) -> bool:
        """Whether any of them may be switched on after that moment."""
        return any(
            event.serial > after and not (isinstance(event.value, Constant) and not event.value.value)
            for value in values
            for event in self.settings(value)
        )


def constructed_off(value: Value) -> Freeze | None:
    """The constructor call that made it with `trainable=False`."""
    if isinstance(value, (Layer, Variable)) and isinstance(value.node, ast.Call) and value.frame is not None:
        stated = value.arguments.get("trainable")
        if isinstance(stated, Constant) and stated.value is False:
            return Freeze(value.node, value.frame, value, value.serial, None)
    return None
