"""Weights of a graph that the only `minimize` leaves out, in front of those that it moves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import alive, freshness, intentions, trainings
from regrad.analysis.events import Applied, Assigned, GradientTaken, Minimized
from regrad.analysis.operations import is_integer
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Constant, Value, Variable
from regrad.analysis.weights import describe
from regrad.codemods.engine.noticed import Noticed

_PRODUCTS = frozenset({"matmul", "tensordot", "conv2d"})


class LeftOutOfGraph(NamedTuple):
    """Variables that start from random numbers, and that `var_list` does not hold."""

    event: Minimized
    line: str


def left_out_of_graph(program: Program) -> Iterator[Noticed]:
    """What the loss is computed through before it comes to the weights that are trained, and that nothing trains."""
    minimized = {id(event.node) for event in program.of(Minimized)}
    others = any(True for _ in program.of(Applied)) or any(True for _ in program.of(GradientTaken))
    if not program.graph or len(minimized) != 1 or others or freshness.weights_may_come(program):
        return
    if intentions.random_meant(program) or intentions.asserted(program):
        return
    assigned = {id(event.variable) for event in program.of(Assigned)}
    for sink in program.sinks:
        event, path = sink.event, sink.path
        if not isinstance(event, Minimized) or path.anything or not path.complete or path.lost or not path.connected:
            continue
        moved = {id(value) for value in path.connected} | trainings.updated(program)
        missing = [
            value
            for value in sink.gradient_flow.reach(sink.target).sources.values()
            if isinstance(value, Variable) and id(value) not in moved | assigned and _is_weight(sink, value)
        ]
        left_out = {id(value) for value in missing}
        if not missing or alive.leads(sink, moved, left_out) or not alive.leads(sink, left_out, moved):
            continue
        names = tuple(dict.fromkeys(describe(value) for value in missing))
        yield Noticed(
            event.node,
            event,
            f"the loss is computed through {', '.join(f'`{name}`' for name in names[:4])}, which `var_list` leaves out:"
            " nothing ever trains what comes first",
            LeftOutOfGraph(event, _line(program, event)),
            names,
        )
        return


def _line(program: Program, event: Minimized) -> str:
    assert isinstance(event.node, ast.Call)
    path = event.frame.path
    loss = event.node.args[0] if event.node.args else None
    given = program.source(loss, path) if loss is not None else "loss"
    return f"{program.source(event.node.func, path)}({given})"


def _is_weight(sink: Sink, variable: Variable) -> bool:
    """Whether it is a factor that starts from random numbers and is not stated to stay so."""
    stated = variable.fields.get("trainable")
    if stated is not None and not (isinstance(stated, Constant) and stated.value is not False):
        return False
    if is_integer(variable.fields.get("dtype")) or not _random(variable):
        return False
    uses = [tensor.operation for tensor in sink.alive if any(part is variable for part in tensor.operation.inputs)]
    return bool(uses) and all(
        use.name.lower() in _PRODUCTS and len(use.inputs) > 1 and use.inputs[1] is variable for use in uses
    )


def _random(variable: Variable) -> bool:
    named = variable.fields.get("#name") is not None
    initial: Value | None = variable.arguments.get("initializer") if named else variable.initial
    return named if initial is None else freshness.is_random(initial)
