"""Gradients that are summed up in variables of their own, which no optimizer is ever given."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.events import Assigned, GradientTaken
from regrad.analysis.flow import sources_of
from regrad.analysis.program import Program
from regrad.analysis.steps import holds_gradient
from regrad.analysis.values import Tensor
from regrad.codemods.engine.idle_gradients import (
    ASSIGNING,
    MOVING,
    calls_that_move,
    mentioned,
    only_optimizer,
    repeated,
    trains_by_optimizer,
)
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.noticed import Noticed
from regrad.codemods.engine.pairs import are_variables
from regrad.codemods.engine.rule import Mending, Safety

_CLEARED = frozenset({"zeros", "zeros_like"})


class Accumulated(NamedTuple):
    """Sums of gradients that nobody applies; `cleared` is where they begin again at zero, if they do."""

    event: GradientTaken
    optimizer: str
    cleared: Assigned | None


def idle_accumulators(program: Program) -> Iterator[Noticed]:
    """A training loop that gathers gradients, and whose optimizer is never called."""
    steps = [event for event in program.of(Assigned) if event.method != "assign" and holds_gradient(event.value)]
    requests = list(program.of(GradientTaken))
    if not steps or len({id(event.node) for event in requests}) != 1 or _moves_weights(program, requests):
        return
    event = requests[0]
    optimizer = only_optimizer(program, event)
    if optimizer is None or mentioned(program, optimizer) or not repeated(program, event):
        return
    if event.method != "gradient" or not are_variables(event.sources):
        return
    sums = {id(step.variable) for step in steps}
    cleared = next((each for each in program.of(Assigned) if id(each.variable) in sums and _clears(each)), None)
    yield Noticed(
        event.node,
        event,
        f"the gradients are summed up and never applied: `{optimizer}` does nothing in this program",
        Accumulated(event, optimizer, cleared),
    )


def _moves_weights(program: Program, requests: list[GradientTaken]) -> bool:
    """Whether anything in the program may move a weight that a gradient is asked of."""
    if trains_by_optimizer(program) or any(True for _ in calls_that_move(program, MOVING)):
        return True
    weights = {id(source) for event in requests for source in sources_of(event.sources)[0]}
    followed = {id(event.node) for event in program.of(Assigned)}
    if any(id(event.variable) in weights or event.variable.owner is not None for event in program.of(Assigned)):
        return True
    return any(id(call) not in followed for call in calls_that_move(program, ASSIGNING))


def _clears(event: Assigned) -> bool:
    value = event.value
    return event.method == "assign" and isinstance(value, Tensor) and value.operation.name in _CLEARED


def applied_before_clearing(program: Program, evidence: Accumulated) -> Mending:
    """The optimizer is given the sums before they begin again at zero. Raises `CannotMove` where that is not seen."""
    from regrad.codemods.engine.moving import Rewrite, before

    cleared, asked = evidence.cleared, evidence.event
    if cleared is None or asked.sources_node is None:
        raise CannotMove("when the sums are applied is the author's to say: nothing sets them to zero")
    path = cleared.frame.path
    statement = program.statement(cleared.node, path)
    loop = program.parents(path).get(statement) if statement is not None else None
    if not isinstance(loop, ast.For) or not isinstance(loop.iter, (ast.Name, ast.Attribute)):
        raise CannotMove("the sums are not set to zero in a loop over their list")
    weights = program.source(asked.sources_node, asked.frame.path)
    for text in (evidence.optimizer, weights):
        root = text.partition(".")[0]
        here, there = cleared.frame.scope.find(root), asked.frame.scope.find(root)
        if here is None or there is None or here.names[root] is not there.names[root]:
            raise CannotMove(f"`{text}` is not in reach where the sums are set to zero")
    sums = program.source(loop.iter, path)
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.insert(f"{evidence.optimizer}.apply_gradients(zip({sums}, {weights}))", before(loop))
    return Mending(
        "apply them before they are cleared",
        Safety.UNSAFE,
        rewrite.edits(),
        "weights move that did not move before",
    )
