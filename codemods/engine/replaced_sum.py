"""A sum that each pass of a loop replaces in place of adding to it."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis import unreached
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Tensor
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.rule import Mending, Mendings, Safety


class Replaced(NamedTuple):
    """A sum that each pass of a loop replaces in place of adding to it."""

    statement: ast.Assign
    path: str


def replaced_sum(program: Program, sink: Sink) -> Replaced | None:
    """`total = term` in a loop over the heads, where `total = 0` stands before it; the term may be made by a call."""
    target = sink.target
    if not isinstance(target, Tensor):
        return None
    node, frame = target.operation.node, target.operation.frame
    while node is not None and frame is not None:
        found = _replaced_at(program, node, frame)
        if found is not None:
            return found
        node, frame = frame.call, frame.caller
    return None


def _replaced_at(program: Program, node: ast.AST, frame: Frame) -> Replaced | None:
    bound = binding(program.statement(node, frame.path))
    if bound is None:
        return None
    statement, name = bound.statement, bound.target.id
    loop = program.parents(frame.path).get(statement)
    if not isinstance(loop, ast.For) or statement not in loop.body or loop.orelse:
        return None
    turned = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
    read = {node.id for part in loop.body for node in ast.walk(part) if isinstance(node, ast.Name)}
    if not turned & read:
        return None
    uses = [node for node in ast.walk(loop) if isinstance(node, ast.Name) and node.id == name]
    stores = [
        node
        for node in ast.walk(unreached.scope_of(program, frame))
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    ]
    first = program.statement(stores[0], frame.path) if len(stores) == 2 else None
    if (
        len(uses) != 1
        or not isinstance(first, ast.Assign)
        or first.targets != [stores[0]]
        or first.lineno > loop.lineno
        or not _is_zero(first.value)
    ):
        return None
    return Replaced(statement, frame.path)


def _is_zero(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, bool) and node.value in (0, 0.0)
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        name = getattr(node.func, "attr", "")
        if name == "zeros":
            return isinstance(node.args[0], (ast.Tuple, ast.List)) and not node.args[0].elts
        return name in ("constant", "convert_to_tensor") and _is_zero(node.args[0])
    return False


def added_up(program: Program, evidence: Replaced) -> Mendings:
    """The pass adds to the sum."""
    from regrad.codemods.engine.moving import Rewrite

    rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
    name, term = (
        program.source(each, evidence.path) for each in (evidence.statement.targets[0], evidence.statement.value)
    )
    rewrite.replace(evidence.statement, f"{name} += {term}")
    return [Mending("add the terms up", Safety.UNSAFE, rewrite.edits(), "another loss is computed")]
