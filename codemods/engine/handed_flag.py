"""A flag that a call hands to the function which switches layers off: the call is what the author has to change."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from regrad.analysis import freshness, trainings
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.trainings import Freeze, Switches, Training
from regrad.analysis.values import Instance, Layer, Network, Value
from regrad.analysis.weights import sublayers
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.spelled import spelled_at


class Handed(NamedTuple):
    """The outermost call that hands the flag down, and the frame it stands in."""

    call: ast.Call
    frame: Frame


def handed(freeze: Freeze) -> Handed | None:
    """The call whose argument the flag is; None where it is written where the layers are switched off."""
    written = getattr(freeze.event.value, "node", None) if freeze.event is not None else None
    frame: Frame | None = freeze.frame
    while frame is not None and frame.caller is not None:
        call = frame.call
        if isinstance(call, ast.Call) and any(
            argument is written for argument in (*call.args, *(keyword.value for keyword in call.keywords))
        ):
            return Handed(call, frame.caller)
        frame = frame.caller
    return None


def handed_by(training: Training, parts: Iterable[Value], switches: Switches) -> list[Handed]:
    """The calls that handed the flag to everything that switches these parts off, each once; empty where any flag is
    written at its place.
    """
    found: list[Handed] = []
    for part in parts:
        for freeze in switches.freezes(training.owner, part, training.event.serial):
            call = handed(freeze)
            if call is None:
                return []
            if all(call.call is not other.call for other in found):
                found.append(call)
    return found


def narrowed(program: Program, given: Handed, training: Training) -> Mending:
    """The call is made for the one model inside that is meant, or, where there is none, not at all."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    path = given.frame.path
    statement = program.statement(given.call, path)
    if not isinstance(statement, ast.Expr) or statement.value is not given.call:
        raise CannotMove("the layers are switched off in the middle of another expression")
    inner = [part for part in sublayers(training.owner) if isinstance(part, (Network, Instance))]
    rest = [
        part
        for part in sublayers(training.owner)
        if isinstance(part, Layer) and any(freshness.fresh(value) for value in trainings.inside(part))
    ]
    rewrite = Rewrite(program.files[path], program.trees[path])
    if not inner:
        rewrite.remove([statement])
        why = "weights move that did not move before"
        return Mending("let the layers train", Safety.UNSAFE, rewrite.edits(), why)
    name = spelled_at(program, given.frame, inner[0]) if len(inner) == 1 and rest else None
    whole = spelled_at(program, given.frame, training.owner)
    arguments = [*given.call.args, *(keyword.value for keyword in given.call.keywords)]
    texts = [program.source(each, path) for each in arguments]
    if name is None or whole is None or name in texts or texts.count(whole) != 1:
        raise CannotMove("which of the models inside shall stay frozen is the author's to say")
    rewrite.replace(arguments[texts.index(whole)], name)
    why = "what was added to it trains; it stays as it is"
    return Mending(f"freeze `{name}` alone", Safety.UNSAFE, rewrite.edits(), why)
