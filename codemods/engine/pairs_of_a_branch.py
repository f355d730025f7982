"""Gradients and variables of which some pairs have no gradient, as the loss is that of one branch: these left out."""

from __future__ import annotations

import ast

from regrad.analysis.events import Applied
from regrad.analysis.program import Program
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import free_name, function_around


def leaves_out(program: Program, applied: Applied) -> bool:
    """Whether the function that applies the gradients already asks of each whether it is there."""
    path = applied.frame.path
    scope = function_around(program, applied.node, path) or program.trees[path]
    return any(
        isinstance(node, ast.Compare)
        and isinstance(node.ops[0], (ast.Is, ast.IsNot))
        and isinstance(node.comparators[0], ast.Constant)
        and node.comparators[0].value is None
        for node in ast.walk(scope)
    )


def without_the_rest(program: Program, applied: Applied) -> Mending:
    """Hand the optimizer the pairs that have a gradient; raises `CannotMove` where they are not written out."""
    from regrad.codemods.engine import moving

    path, call = applied.frame.path, applied.node
    statement = program.statement(call, path)
    pairs = call.args[0] if isinstance(call, ast.Call) and call.args else None
    zipped = isinstance(pairs, ast.Call) and isinstance(pairs.func, ast.Name) and pairs.func.id == "zip"
    if pairs is None or not zipped or statement is None:
        raise CannotMove("the pairs of gradients and variables are not written out")
    scope = function_around(program, call, path) or program.trees[path]
    name, gradient, variable = (
        free_name(program, path, scope, wishes)
        for wishes in (("pairs", "active"), ("g", "gradient"), ("v", "variable"))
    )
    kept = f"({gradient}, {variable}) for {gradient}, {variable} in {program.source(pairs, path)}"
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    rewrite.insert(f"{name} = [{kept} if {gradient} is not None]", moving.before(statement))
    rewrite.replace(pairs, name)
    why = "the weights of the other branch are trained where the loss is theirs; what is computed stays the same"
    return Mending("hand over the pairs that have a gradient", Safety.SAFE, rewrite.edits(), why)
