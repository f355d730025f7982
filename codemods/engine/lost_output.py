"""The output of a layer that the function around the call loses: it is overwritten, nothing reads it, or it gets no
name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from regrad.analysis import unreached
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Value
from regrad.analysis.weights import describe
from regrad.codemods.engine.dropped import Dropped, bound_again, dropped, holder
from regrad.codemods.engine.missing_from_training import missing_from_training
from regrad.codemods.engine.overwritten import Overwritten, chained, overwriting
from regrad.codemods.engine.overwritten_in_loop import Turns, overwriting_loop, passed_on
from regrad.codemods.engine.rule import Finding, Mendings, Rule
from regrad.codemods.engine.unread import Unread, read_instead, unread
from regrad.codemods.engine.unread_result import unread_result
from regrad.codemods.engine.unread_term import unread_term


@dataclass(frozen=True, slots=True)
class LostOutput:
    """Where an output is lost, and why."""

    place: ast.AST
    frame: Frame
    why: str
    """The message, with `{names}` for the layers."""
    how: Overwritten | Turns | Unread | Dropped
    shared: ast.AST | None = None
    """What loses the outputs of several layers alike: they are one finding."""


def lost_output(program: Program, sink: Sink, part: Value) -> LostOutput | None:
    """How the output of a part that a training misses is lost; None where it is not, or that is not certain."""
    place = unreached.written(part)
    found = _lost_under_a_name(program, place) if place is not None else None
    if found is not None:
        return found
    result = unread_result(program, sink, part)
    if result is not None:
        if unread_term(program, sink, [part]) is not None:
            return None  # RG109
        why = f"`{result.name}` is computed and never read, so {{names}} {{gets}} no gradient"
        return LostOutput(result.statement, result.frame, why, result, result.statement)
    alone = dropped(program, sink, part)
    if alone is None:
        return None
    text = " ".join(program.source(alone.call.func, alone.frame.path).split())
    why = f"the result of `{text}` goes nowhere, so {{names}} {{gets}} no gradient"
    return LostOutput(alone.statement, alone.frame, why, alone, alone.statement)


def _lost_under_a_name(program: Program, place: unreached.Written) -> LostOutput | None:
    chain = overwriting(program, place)
    if chain is not None:
        first = chain.statements[0]
        why = "the output of {names} is overwritten before anything reads it"
        return LostOutput(first, place.frame, why, chain, first)
    turns = overwriting_loop(program, place)
    if turns is not None:
        why = (
            f"`{turns.name}` is bound anew in each turn of this loop and read after it: only the last turn counts,"
            " and {names} of the turns before {gets} no gradient"
        )
        statement = program.statement(turns.given, turns.frame.path) or turns.given
        return LostOutput(statement, turns.frame, why, turns, turns.loop)
    dead = unread(program, place)
    if dead is not None:
        why = f"`{dead.name}` is computed and never read, so {{names}} {{gets}} no gradient"
        return LostOutput(dead.statement, dead.frame, why, dead)
    return None


def lost_outputs(program: Program, rule: Rule) -> Iterator[Finding]:
    """The layers of which a training uses nothing because their output is lost."""
    for case in unreached.partly(program):
        found: dict[int, tuple[LostOutput, list[str]]] = {}
        for part in case.parts:
            lost = lost_output(program, case.sink, part)
            if lost is not None:
                told = holder(part) if isinstance(lost.how, Dropped) else part
                found.setdefault(id(lost.shared or part), (lost, []))[1].append(describe(told))
        for lost, parts in found.values():
            names = tuple(dict.fromkeys(parts))
            gets = "gets" if len(names) == 1 else "get"
            message = lost.why.format(names=", ".join(f"`{name}`" for name in names), gets=gets)
            where = program.location(lost.place, lost.frame)
            yield missing_from_training(program, rule, case.sink, message, where, names, lost)


def used(program: Program, lost: LostOutput) -> Mendings:
    """What follows is computed from the output that was lost."""
    if isinstance(lost.how, Overwritten):
        return [chained(program, lost.how)]
    if isinstance(lost.how, Turns):
        return [passed_on(program, lost.how)]
    if isinstance(lost.how, Dropped):
        return bound_again(program, lost.how)
    return read_instead(program, lost.how)
