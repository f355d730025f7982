"""A loss `lambda` over what was computed before it becomes a function that computes it."""

from __future__ import annotations

import ast

from regrad.analysis.events import Minimized
from regrad.analysis.frames import place_in
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.codemods.engine.effects import followed, reading_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.missed import missed
from regrad.codemods.engine.parentheses import parenthesised
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import block_of, function_around, stored


def written_out(program: Program, event: Minimized, sink: Sink, node: ast.Lambda) -> tuple[Edit, ...]:
    """`name = lambda: value` and the statements before it that compute the value, as `def name():`."""
    from regrad.codemods.engine import moving

    path = event.frame.path
    statement = program.statement(node, path)
    if (
        not isinstance(statement, ast.Assign)
        or statement.value is not node
        or not isinstance(statement.targets[0], ast.Name)
        or len(statement.targets) > 1
        or ast.unparse(node.args)
        or function_around(program, statement, path) is not function_around(program, event.node, path)
    ):
        raise CannotMove("the loss is a `lambda`, in which nothing can be computed first")
    needed = _computing(program, event, sink, statement)
    inside = {id(each) for part in (*needed, node) for each in ast.walk(part)}
    names = {name for part in needed for name in stored(part)}
    for each in ast.walk(function_around(program, statement, path) or program.trees[path]):
        if isinstance(each, ast.Name) and each.id in names and id(each) not in inside:
            return _computed_again(program, path, node, needed, each.id)
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    tail = f"return {program.source(node.body, path)}"
    rewrite.wrap(needed, f"def {statement.targets[0].id}():", tail=tail, place=moving.before(statement))
    rewrite.remove([statement], keep_comments=True)
    return rewrite.edits()


def _computed_again(
    program: Program, path: str, node: ast.Lambda, needed: list[ast.stmt], name: str
) -> tuple[Edit, ...]:
    """What other statements use too stays where it is, and the `lambda` computes it for itself."""
    beside = f"`{name}` is used beside the loss too"
    statement = needed[0]
    if not isinstance(statement, ast.Assign) or len(needed) > 1 or len(statement.targets) > 1:
        raise CannotMove(beside)
    target, effects = statement.targets[0], reading_of(program.trees[path]).of(statement)
    if not isinstance(target, ast.Name) or effects.prints or effects.draws or effects.writes != {target.id}:
        raise CannotMove(beside)
    source = program.files[path]
    text = program.source(statement.value, path)
    if "\n" in text:
        raise CannotMove(beside)
    parents = program.parents(path)
    return tuple(
        Edit(path, source.span(each), parenthesised(statement.value, parents[each], _field(parents[each], each), text))
        for each in ast.walk(node.body)
        if isinstance(each, ast.Name) and each.id == target.id
    )


def _field(parent: ast.AST, node: ast.AST) -> str:
    """The field of the parent that holds the node."""
    return next(
        name
        for name, value in ast.iter_fields(parent)
        if value is node or (isinstance(value, list) and any(part is node for part in value))
    )


def _computing(program: Program, event: Minimized, sink: Sink, statement: ast.Assign) -> list[ast.stmt]:
    """The statements of the same block that compute what the `lambda` gives, in order."""
    path = event.frame.path
    block = block_of(program, statement, path)
    index = next(position for position, other in enumerate(block) if other is statement)
    found: dict[int, ast.stmt] = {}
    for operation in missed(sink):
        place = place_in(operation.frame, operation.node, event.frame)
        owner = program.statement(place, path) if place is not None else None
        if owner is None or not any(owner is other for other in block[:index]) or hasattr(owner, "body"):
            raise CannotMove("the loss is computed in several places")
        found[id(owner)] = owner
    if not found:
        raise CannotMove("where the loss is computed was not found in front of the `lambda`")
    first = next(position for position, other in enumerate(block) if id(other) in found)
    for other in followed(reading_of(program.trees[path]), block[first:index], list(found.values())):
        if id(other) not in found:
            raise CannotMove(f"line {other.lineno} stands between the parts of the loss and belongs behind them")
    return sorted(found.values(), key=lambda other: other.lineno)
