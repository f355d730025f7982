"""A value that other code uses as well stays where it is, and the tape computes it once more for itself.

As two players do that share their samples: what the first one judges need not be recorded, what the second one learns
from has to be.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from regrad.analysis.frames import place_in
from regrad.analysis.program import Program
from regrad.analysis.values import Operation
from regrad.codemods.engine import moving
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.effects import reading_of
from regrad.codemods.engine.handover import Handover, check_again
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.passage import behind_watches
from regrad.codemods.engine.recording import Recorder
from regrad.codemods.engine.repeatable import repeatable
from regrad.codemods.engine.rule import Edit, Mending, Safety
from regrad.codemods.engine.surroundings import block_of, index_in, loaded, owners, stored


def computed_again(program: Program, recorder: Recorder, operations: Sequence[Operation]) -> Mending:
    """The mending; raises `CannotMove` where computing it once more would do harm, or mean something else."""
    statements = _beside_the_tape(program, recorder, operations)
    if statements:
        edits = _before_the_loss(program, recorder, statements)
    else:
        edits = Handover(program, recorder.owner, recorder.frame, again=True).edits(operations)
        statements = [_in_the_caller(program, recorder, operations)]
    path = recorder.frame.path
    if not all(repeatable(program, path, each) for each in statements):
        raise CannotMove("what computes it may do more than that, so it cannot run once more")
    reading = reading_of(program.trees[path])
    draws = any(reading.of(each).draws for each in statements)
    reason = "it is computed once more" + (", from random numbers of its own" if draws else "")
    return Mending("compute it again in the tape", Safety.UNSAFE, edits, reason)


def _beside_the_tape(program: Program, recorder: Recorder, operations: Sequence[Operation]) -> list[ast.stmt]:
    """The statements that compute the value in the function of the tape, in their order; none where its caller does."""
    path = recorder.frame.path
    found: dict[int, ast.stmt] = {}
    for operation in operations:
        place = place_in(operation.frame, operation.node, recorder.frame)
        statement = program.statement(place, path) if place is not None else None
        if statement is not None:
            found[id(statement)] = statement
        elif found:
            raise CannotMove("the value is computed in several functions")
    return sorted(found.values(), key=lambda each: each.lineno)


def _in_the_caller(program: Program, recorder: Recorder, operations: Sequence[Operation]) -> ast.stmt:
    places = [place_in(each.frame, each.node, recorder.frame.caller) for each in operations]
    statement = program.statement(places[0], recorder.frame.path) if places and places[0] is not None else None
    if statement is None:
        raise CannotMove("the operation runs in other code than the call of the tape's function")
    return statement


def _before_the_loss(program: Program, recorder: Recorder, statements: list[ast.stmt]) -> tuple[Edit, ...]:
    path, owner = recorder.frame.path, recorder.owner
    block = block_of(program, owner, path)
    start, end = index_in(block, statements[0]), index_in(block, owner)
    if start is None or end is None or any(index_in(block[:end], each) is None for each in statements):
        raise CannotMove("the operation stands in another branch than the tape")
    if any(binding(each) is None for each in statements):
        raise CannotMove("the value is not kept in a plain name")
    reading = reading_of(program.trees[path])
    check_again(reading, statements, block[start:end], loaded(owner))
    if any(isinstance(each, (ast.Global, ast.Nonlocal)) for each in ast.walk(program.trees[path])):
        raise CannotMove("the program declares global names")
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    rewrite.copy(statements, behind_watches(owner))
    gone: list[ast.stmt] = []
    for statement in reversed(statements):
        if not _read_elsewhere(program, path, stored(statement), [*gone, owner, statement]):
            gone.append(statement)
    if len(gone) == len(statements):
        raise CannotMove("nothing else uses the value")
    rewrite.remove(gone, keep_comments=True)
    return rewrite.edits()


def _read_elsewhere(program: Program, path: str, names: set[str], apart_from: Sequence[ast.stmt]) -> bool:
    """Whether any code of the file but some statements reads the names."""
    return any(
        node.id in names
        and isinstance(node.ctx, ast.Load)
        and not any(each in apart_from for each in (program.statement(node, path), *owners(program, node, path)))
        for node in program.nodes_of(path, ast.Name)
    )
