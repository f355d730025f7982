"""The sinks of a program: every place where gradients are asked for, what reaches it and where the rest was cut."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from regrad.analysis import flow
from regrad.analysis.events import Event, GradientTaken, Minimized, Trained
from regrad.analysis.record import Record
from regrad.analysis.values import UNKNOWN, Collection, Constant, Layer, Tape, Tensor, Value, Variable
from regrad.analysis.weights import flag


class Sink(Record):
    """One request for gradients. `kind`: `tape` (`tape.gradient`), `keras` (`fit` and the like), `minimize`, `graph`
    (`tf.gradients`).
    """

    kind: str
    event: GradientTaken | Trained | Minimized
    tape: Tape | None
    target: Value
    sources: Value

    @cached_property
    def path(self) -> flow.Path:
        """Which sources are reached and which certainly are not."""
        items, _ = flow.sources_of(self.sources)
        # Only tensors and unknown things count as sources because they are asked for; the rest is known anyway.
        plain = all(isinstance(item, (Variable, Layer)) for item in items)
        return flow.path(self.tape, self.target, self.sources, self.gradient_flow if plain else None)

    @cached_property
    def cuts(self) -> tuple[flow.FoundCut, ...]:
        """Where the ways to the lost sources end; empty where the target does not depend on them at all."""
        if not self.path.lost:
            return ()
        return tuple(flow.cuts(self.tape, self.target, self.path.lost))

    @cached_property
    def gradient_flow(self) -> flow.Flow:
        """What the tape of this sink sees."""
        return flow.Flow(self.tape)

    @cached_property
    def reached(self) -> frozenset[int]:
        """The identities of all sources that the target reaches, asked for or not."""
        return frozenset(self.gradient_flow.reach(self.target).sources)

    @cached_property
    def alive(self) -> tuple[Tensor, ...]:
        """The tensors between target and sources that a gradient comes through, in order."""
        from regrad.analysis.alive import alive

        return alive(self)

    @cached_property
    def users(self) -> dict[int, list[Tensor]]:
        """By the identity of a value, the tensors among those alive that are made of it directly."""
        from regrad.analysis.alive import users

        return users(self.alive)

    @property
    def dead(self) -> bool:
        """Whether certainly no gradient arrives at any source."""
        return self.path.dead

    def depends_on(self, value: Value) -> bool:
        """Whether the target is computed from the value at all, gradients or not."""
        return id(value) in flow.Flow(self.tape, full=True, marks=(value,)).reach(self.target).sources


def sinks_of(events: Iterable[Event]) -> tuple[Sink, ...]:
    """The sinks among the events, in order. The same call appears once for each way in which it was reached."""
    found: list[Sink] = []
    for event in events:
        if isinstance(event, GradientTaken):
            kind = "graph" if event.tape.fields.get("graph") else "tape"
            found.append(Sink(kind, event, event.tape, event.target, event.sources))
        elif isinstance(event, Trained) and event.target is not None and not event.own_step:
            found.append(
                Sink("keras", event, event.recorder, event.target, Collection("list", event.sources, event.complete))
            )
        elif isinstance(event, Minimized) and event.result is not None and not isinstance(event.tape, Tape):
            found.append(
                Sink("minimize", event, event.recorder, event.result, _minimized(event.variables, event.result))
            )
    return tuple(found)


def _minimized(variables: Value, target: Value) -> Value:
    """The variables of a `minimize`; without `var_list`, those that the loss is computed from (the others are none of
    its business).
    """
    if variables is not UNKNOWN and not (isinstance(variables, Constant) and variables.value is None):
        return variables
    reach = flow.Flow(None, full=True).reach(target)
    found = tuple(value for value in reach.sources.values() if isinstance(value, (Variable, Layer)))
    trained = tuple(value for value in found if flag(value) is not False)
    return Collection("list", trained) if trained else variables
