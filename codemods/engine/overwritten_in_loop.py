"""Layers that a loop calls one after the other, each on the same input: only what the last one gives is ever read."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis import unreached
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.rule import Mending, Safety


class Turns(NamedTuple):
    """`for layer in layers: name = layer(given)`, where nothing in the loop reads `name`."""

    loop: ast.For
    name: str
    given: ast.expr
    frame: Frame


def overwriting_loop(program: Program, place: unreached.Written) -> Turns | None:
    """The loop that threw away what this call, or the call of the layer around it, gave."""
    call: ast.AST | None = place.call
    frame: Frame | None = place.frame
    while call is not None and frame is not None:
        found = _in_loop(program, call, frame)
        if found is not None:
            return found
        call, frame = frame.call, frame.caller
    return None


def _in_loop(program: Program, call: ast.AST, frame: Frame) -> Turns | None:
    bound = binding(program.statement(call, frame.path))
    if bound is None or not isinstance(bound.value, ast.Call) or not bound.value.args:
        return None
    loop = program.parents(frame.path).get(bound.statement)
    if not isinstance(loop, ast.For) or bound.statement not in loop.body:
        return None
    name, turning = bound.target.id, _names(loop.target)
    called = bound.value.func
    given = bound.value.args[0]
    if not isinstance(called, ast.Name) or called.id not in turning or _names(given) & turning:
        return None
    if any(_reads(node, name) for part in loop.body for node in ast.walk(part)) or any(
        isinstance(node, ast.Break | ast.Yield) for node in ast.walk(loop)
    ):
        return None
    return Turns(loop, name, given, frame)


def _reads(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Store)


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def passed_on(program: Program, evidence: Turns) -> Mending:
    """Each layer gets what the one before gave; the first gets what all of them got."""
    from regrad.codemods.engine.moving import Rewrite, before

    path = evidence.frame.path
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(evidence.given, evidence.name)
    if not _bound_before(program, evidence):
        rewrite.insert(f"{evidence.name} = {program.source(evidence.given, path)}", before(evidence.loop))
    return Mending(
        "give each layer the output of the one before",
        Safety.UNSAFE,
        rewrite.edits(),
        "the model computes another function",
    )


def _bound_before(program: Program, evidence: Turns) -> bool:
    """Whether the name holds what the layers are given already when the loop begins."""
    if isinstance(evidence.given, ast.Name) and evidence.given.id == evidence.name:
        return True
    scope = unreached.scope_of(program, evidence.frame)
    return any(
        isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Store)
        and node.id == evidence.name
        and node.lineno < evidence.loop.lineno
        for node in ast.walk(scope)
    )
