"""The program's own metrics in the place of a loss: functions that `compile` lists under `metrics` and that count."""

from __future__ import annotations

from regrad.analysis.cut import CutKind
from regrad.analysis.endings import Ending, endings
from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Function, Mapping, Value

_COUNTING = frozenset({CutKind.NON_DIFFERENTIABLE, CutKind.ZERO_SLOPE})


def counting(program: Program) -> dict[int, tuple[Ending, Function]]:
    """By the identity of a training's node: where its loss ends inside a function that is its metric, and that."""
    return program.once(_counting)


def concerns(program: Program, ending: Ending) -> bool:
    """Whether an ending is a metric's counting, which is right in the metric and wrong as a loss."""
    found = counting(program).get(id(ending.sink.event.node))
    return found is not None and found[0].node is ending.node


def _counting(program: Program) -> dict[int, tuple[Ending, Function]]:
    found: dict[int, tuple[Ending, Function]] = {}
    for ending in endings(program):
        event = ending.sink.event
        if not isinstance(event, Trained) or event.compilation is None or ending.kind not in _COUNTING:
            continue
        listed = {id(each.node): each for each in _functions(event.compilation.metrics)}
        # A step in a function that the metric and the loss both call is that function's, not the metric's.
        function, loss = ending.frame.function, event.compilation.loss
        for counts in (function, loss):
            if isinstance(counts, Function) and id(counts.node) in listed:
                found.setdefault(id(event.node), (ending, listed[id(counts.node)]))
    return found


def _functions(value: Value | None) -> list[Function]:
    if isinstance(value, Function):
        return [value]
    if isinstance(value, Collection):
        return [each for item in value.items for each in _functions(item)]
    if isinstance(value, Mapping):
        return [each for item in value.entries.values() for each in _functions(item)]
    return []
