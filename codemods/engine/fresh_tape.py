"""`minimize(loss, variables, tape=tf.GradientTape())`: a tape that was made for the call, and has recorded nothing."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.events import Minimized, TapeOpened
from regrad.analysis.program import Program
from regrad.analysis.values import Tape, Tensor
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.surroundings import function_around, stored


class FreshTape(NamedTuple):
    """The tape as it is `given` to the call, the expression that makes it, and the statement that names it."""

    given: ast.expr
    maker: ast.expr
    statement: ast.stmt | None


def fresh_tape(program: Program, event: Minimized) -> FreshTape | None:
    """The tape of a `minimize` for a computed loss, where nothing else in the program has to do with the tape."""
    tape = event.tape
    if not isinstance(tape, Tape) or not isinstance(event.loss, Tensor) or not isinstance(event.node, ast.Call):
        return None
    given = next((word.value for word in event.node.keywords if word.arg == "tape"), None)
    if given is None or any(opened.tape is tape for opened in program.of(TapeOpened)):
        return None
    if given is tape.node:
        return FreshTape(given, given, None)
    path = event.frame.path
    if not isinstance(given, ast.Name) or not isinstance(tape.node, ast.expr) or tape.frame is not event.frame:
        return None
    statement = program.statement(tape.node, path)
    scope = function_around(program, event.node, path) or program.trees[path]
    uses = [node for node in ast.walk(scope) if isinstance(node, ast.Name) and node.id == given.id]
    plain = statement is not None and stored(statement) == {given.id} and binding(statement, tape.node)
    return FreshTape(given, tape.node, statement) if plain and len(uses) == 2 else None


def told_to_minimize(program: Program, tape: Tape | None) -> bool:
    """Whether a tape is such a one."""
    return tape is not None and any(
        event.tape is tape and fresh_tape(program, event) is not None for event in program.of(Minimized)
    )


def refuse_other_block(program: Program, fresh: FreshTape, block: list[ast.stmt]) -> None:
    """The statement that names the tape goes, so it has to stand where the tape is opened instead."""
    if fresh.statement is not None and not any(fresh.statement is other for other in block):
        raise CannotMove("the tape is made in another block than that of `minimize`")
