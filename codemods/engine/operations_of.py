"""Every operation that the events of a program lead to: what a rule about single operations walks over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from regrad.analysis.events import Compiled, GradientTaken, LossCalled, ModelCalled, Trained
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Gradients, Mapping, Network, Tensor, Union_, Unknown, Value

MOST = 200_000
"""So many values are looked at; a program with more of them goes on in silence."""


def tensors(program: Program) -> Iterator[Tensor]:
    """Each tensor on the way to a prediction, a loss or a gradient of the program, once for each operation."""
    return iter(program.once(_tensors))


def _tensors(program: Program) -> tuple[Tensor, ...]:
    return tuple(reached(_roots(program)))


def reached(roots: Iterator[Value | None]) -> Iterator[Tensor]:
    """Each tensor that the given values are made from, and they themselves."""
    return _each_once((value for value in roots if value is not None), deep=True)


def nearest(values: Iterable[Value]) -> Iterator[Tensor]:
    """The tensors among the values, and in what holds them, without what those are made from."""
    return _each_once(values, deep=False)


def _each_once(roots: Iterable[Value], deep: bool) -> Iterator[Tensor]:
    seen: dict[int, Value] = {}
    stack = list(roots)
    while stack and len(seen) < MOST:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if isinstance(value, Tensor):
            yield value
            stack.extend(value.operation.inputs if deep else ())
        elif isinstance(value, Collection):
            stack.extend(value.items)
        elif isinstance(value, Mapping):
            stack.extend(value.entries.values())
        elif isinstance(value, Union_):
            stack.extend(value.alternatives)
        elif isinstance(value, Gradients):
            stack.append(value.tensor)
        elif isinstance(value, Unknown):
            stack.extend(value.operation.inputs if value.operation is not None else value.parents)


def _roots(program: Program) -> Iterator[Value | None]:
    for event in program.events:
        if isinstance(event, Trained):
            yield event.output
            yield event.target
        elif isinstance(event, (ModelCalled, LossCalled)):
            yield event.result
        elif isinstance(event, GradientTaken):
            yield event.target
        elif isinstance(event, Compiled) and isinstance(event.model, Network):
            yield from described(event.model, "outputs")


def described(network: Network, which: str) -> tuple[Value, ...]:
    """The symbolic `inputs` or `outputs` of a model of the library; a program may put anything under these names."""
    values = network.fields.get(which)
    return values if isinstance(values, tuple) else ()
