"""Statements in a row that bind one name to the outputs of layers: all but the last are overwritten before anything
reads them.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis import unreached
from regrad.analysis.program import Program
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import block_of


class Overwritten(NamedTuple):
    """Statements in a row that bind one name, each from the same input instead of from the one before."""

    statements: tuple[ast.stmt, ...]
    path: str


def overwriting(program: Program, place: unreached.Written) -> Overwritten | None:
    """The statements in a row, this call's among them, that bind the same name without reading it."""
    path = place.frame.path
    statement = program.statement(place.call, path)
    bound = _bound_call(statement)
    if statement is None or bound is None or bound[1] is not place.call:
        return None
    block = block_of(program, statement, path)
    first = last = block.index(statement)
    while first > 0 and _pair(block[first - 1], block[first]):
        first -= 1
    while last + 1 < len(block) and _pair(block[last], block[last + 1]):
        last += 1
    # The last one is read; only those before it are lost.
    return None if block[last] is statement else Overwritten(tuple(block[first : last + 1]), path)


def _bound_call(statement: ast.stmt | None) -> tuple[str, ast.Call] | None:
    """The name that a statement binds to a call with an input, and the call."""
    bound = binding(statement)
    if bound is None or not isinstance(bound.value, ast.Call) or not bound.value.args:
        return None
    return bound.target.id, bound.value


def _pair(one: ast.stmt, other: ast.stmt) -> bool:
    """Whether both bind the same name to a call on the same input, the second without reading what the first bound."""
    first, second = _bound_call(one), _bound_call(other)
    if first is None or second is None or first[0] != second[0]:
        return False
    if any(isinstance(node, ast.Name) and node.id == second[0] for node in ast.walk(second[1])):
        return False
    return ast.dump(first[1].args[0]) == ast.dump(second[1].args[0])


def chained(program: Program, evidence: Overwritten) -> Mending:
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
    for statement in evidence.statements[1:]:
        bound = _bound_call(statement)
        if bound is None:
            raise CannotMove("the layers are not called one after the other")
        name, call = bound
        rewrite.replace(call.args[0], name)
    return Mending(
        "give each layer the output of the one before",
        Safety.UNSAFE,
        rewrite.edits(),
        "the model computes another function",
    )
