"""The statements of one function that lead up to a value: what a tape opened there would have to see."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis import flow
from regrad.analysis.events import GradientTaken, Minimized
from regrad.analysis.frames import place_in
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Collection, Layer, Operation, Tape, Unknown, Value, Variable
from regrad.codemods.engine.effects import reading_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.missed import missed
from regrad.codemods.engine.surroundings import block_of, function_around, index_in, owners

_PASSABLE = (ast.If, ast.With, ast.Try)
"""What the request for gradients may stand in while its value is computed in front of it. In a loop, one tape would be
asked several times."""


class LeadingUp(NamedTuple):
    """`statements` is the row of one block from the first to the last that computes; empty where all is in `given`.

    `in_given` says that the expression itself, which is handed over, computes something as well.
    """

    statements: tuple[ast.stmt, ...]
    in_given: bool


def operations_behind(event: GradientTaken | Minimized, target: Value, sources: Value) -> list[Operation]:
    """Every operation on the way from the target to its sources that ran before the gradients were asked for.

    Where the program does not say what the sources are, all variables that the target is computed from are.
    """
    if isinstance(sources, Unknown) and not _is_computed_from(target, sources):
        reached = flow.Flow(None, full=True).reach(target).sources.values()
        found = tuple(value for value in reached if isinstance(value, (Variable, Layer)))
        sources = Collection("list", found, True, None)
    unaware = Tape(event.node, event.frame, event.serial, implicit=True)
    unaware.fields["#opened"] = event.serial
    sink = Sink("minimize", event, unaware, target, sources)
    return missed(sink) if sink.path.lost else []


def leading_up(
    program: Program, event: GradientTaken | Minimized, given: ast.AST, operations: list[Operation]
) -> LeadingUp:
    """Where the operations stand in front of the request; raises `CannotMove` where no single row holds them."""
    path = event.frame.path
    statement = program.statement(event.node, path)
    if statement is None:
        raise CannotMove("the gradients are not asked for in a statement")
    inside = {id(node) for node in ast.walk(given)}
    in_given = False
    placed: dict[int, ast.stmt] = {}
    for operation in operations:
        place = place_in(operation.frame, operation.node, event.frame)
        if place is None:
            raise CannotMove("the loss is computed in another function, which returns nothing else of it")
        if id(place) in inside:
            in_given = True
            continue
        owner = program.statement(place, path)
        if owner is None or owner is statement:
            raise CannotMove("the loss is computed in several places")
        placed[id(owner)] = owner
    if not placed:
        return LeadingUp((), in_given)
    scope = function_around(program, statement, path)
    asking: ast.AST = statement
    while True:
        block = block_of(program, asking, path)  # type: ignore[arg-type]
        end = index_in(block, asking)
        positions = {position_of(program, block, each, path) for each in placed.values()}
        if end is not None and None not in positions and all(at is not None and at < end for at in positions):
            known = sorted(at for at in positions if at is not None)
            row = tuple(block[known[0] : known[-1] + 1])
            break
        around = owners(program, asking, path)[0]
        if around is scope or not isinstance(around, _PASSABLE):
            raise CannotMove("the loss is computed in another block")
        asking = around
    reading = reading_of(program.trees[path])
    if any(reading.of(each).leaves for each in row):
        raise CannotMove("a `return`, `break` or `continue` stands between the parts of the loss")
    return LeadingUp(row, in_given)


def position_of(program: Program, block: list[ast.stmt], statement: ast.stmt, path: str) -> int | None:
    """Where a statement stands in a block, itself or inside one of its statements."""
    return next(
        (at for each in (statement, *owners(program, statement, path)) if (at := index_in(block, each)) is not None),
        None,
    )


def _is_computed_from(target: Value, source: Value) -> bool:
    reach = flow.Flow(None, full=True, marks=(source,)).reach(target)
    return id(source) in reach.sources or id(source) in reach.data
