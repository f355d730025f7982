"""Variables of a network written out by hand, left out of the list of what is trained next to others of their kind."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import applications, freshness, intentions, trainings
from regrad.analysis.events import Assigned, GradientTaken
from regrad.analysis.operations import is_integer
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.steps import moved_by_hand
from regrad.analysis.unreached import in_test
from regrad.analysis.values import Collection, Constant, Tensor, Value, Variable
from regrad.analysis.weights import describe
from regrad.codemods.engine.judges import judges
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moved_by_hand import moved_as_well
from regrad.codemods.engine.noticed import Noticed
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.spelled import spelled_at
from regrad.codemods.engine.weight_use import is_random_weight

_SAME = frozenset({"zeros", "ones"})


class VariablesLeftOut(NamedTuple):
    """The list of what is trained, and how the place of the request spells what it lacks (None: it cannot say it)."""

    event: GradientTaken
    names: tuple[str | None, ...]


def variables_left_out(program: Program) -> Iterator[Noticed]:
    """Random weights in front of trained ones that nothing in the program moves, sets or asks for."""
    sinks = [
        sink
        for sink in program.sinks
        if sink.kind == "tape" and isinstance(sink.event, GradientTaken) and _asks_for_variables(sink.event)
    ]
    if not sinks or any(
        ask(program) for ask in (freshness.weights_may_come, intentions.asserted, intentions.random_meant)
    ):
        return
    asked = trainings.updated(program) | {id(event.variable) for event in program.of(Assigned)}
    for sink in sinks:
        event = sink.event
        assert isinstance(event, GradientTaken)
        if not _trains_variables(program, sink) or event.conditional or in_test(event.frame):
            continue
        if intentions.held_fixed(program) or not any(is_random_weight(sink, value) for value in sink.path.connected):
            continue
        missing = [
            value
            for value in sink.gradient_flow.reach(sink.target).sources.values()
            if isinstance(value, Variable) and id(value) not in asked
        ]
        missing.sort(key=lambda value: (getattr(value.node, "lineno", 0), getattr(value.node, "col_offset", 0)))
        if not any(is_random_weight(sink, value) for value in missing):
            continue
        if not all(is_random_weight(sink, value) or _is_offset(value) for value in missing):
            continue
        weights = [value for value in missing if is_random_weight(sink, value)]
        if judges(program, sink, weights) or freshness.given_away(program, list(missing)):
            continue
        names = tuple(spelled_at(program, event.frame, value) for value in missing)
        told = ", ".join(f"`{name or describe(value)}`" for name, value in zip(names, missing, strict=True))
        yield Noticed(
            event.sources_node or event.node,
            event,
            f"the loss is computed with {told}, which nothing trains: the list of what is trained leaves"
            f" {'it' if len(missing) == 1 else 'them'} out",
            VariablesLeftOut(event, names),
            tuple(describe(value) for value in missing),
        )


def _trains_variables(program: Program, sink: Sink) -> bool:
    """Whether the gradients of a request move all that it names: by an optimizer or by hand."""
    event, path = sink.event, sink.path
    assert isinstance(event, GradientTaken) and isinstance(event.sources, Collection)
    if path.anything or not path.complete or path.lost:
        return False
    by_hand = moved_by_hand(program)
    return applications.of(program, event) is not None or all(id(value) in by_hand for value in event.sources.items)


def _asks_for_variables(event: GradientTaken) -> bool:
    """Whether the request names variables one by one."""
    items = event.sources.items if isinstance(event.sources, Collection) else ()
    return bool(items) and all(isinstance(value, Variable) for value in items)


def _is_offset(value: Value) -> bool:
    """Whether a variable starts at zero or one, as biases and scales do, and may move."""
    if not isinstance(value, Variable) or value.owner is not None or is_integer(value.fields.get("dtype")):
        return False
    stated, initial = value.fields.get("trainable"), value.initial
    if stated is not None and not (isinstance(stated, Constant) and stated.value):
        return False
    if isinstance(initial, Constant):
        return isinstance(initial.value, float)
    return isinstance(initial, Tensor) and initial.operation.kind == "constant" and initial.operation.name in _SAME


def listed_as_well(program: Program, evidence: VariablesLeftOut) -> Mending:
    """They join the list wherever the function writes it out. Raises `CannotMove` where it is not written out."""
    from regrad.codemods.engine.moving import Rewrite

    event, path = evidence.event, evidence.event.frame.path
    asked = event.sources_node
    if not isinstance(asked, ast.List) or not all(evidence.names):
        raise CannotMove("the list of what is trained is not written out where the gradients are asked for")
    title, reason = "train them as well", "weights move that did not move before"
    if applications.of(program, event) is None:
        edits = moved_as_well(program, event, asked, [name for name in evidence.names if name])
        return Mending(title, Safety.UNSAFE, edits, reason)
    text = program.source(asked, path)
    whole = f"{text[:-1].rstrip().rstrip(',')}, {', '.join(name for name in evidence.names if name)}]"
    function: ast.AST = event.frame.function.node if event.frame.function is not None else program.trees[path]
    rewrite = Rewrite(program.files[path], program.trees[path])
    for node in ast.walk(function):
        if isinstance(node, ast.List) and program.source(node, path) == text:
            rewrite.replace(node, whole)
    return Mending(title, Safety.UNSAFE, rewrite.edits(), reason)
