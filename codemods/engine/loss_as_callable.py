"""`minimize(self.cost())` becomes `minimize(self.cost)`: optimizers of TensorFlow 1 call it under a tape."""

from __future__ import annotations

import ast

from regrad.analysis.events import Minimized
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.leading_up import leading_up, operations_behind
from regrad.codemods.engine.rule import Mending, Mendings, Safety
from regrad.codemods.engine.taped_minimize import given_loss, of_tensorflow_1


def takes_callable(event: Minimized) -> bool:
    """Whether the optimizer would call a loss function that it is given."""
    return of_tensorflow_1(event) and isinstance(event.loss, Tensor)


def as_callable(program: Program, event: Minimized) -> Mendings:
    """Hand over what computes the loss; raises `CannotMove` where something in front of the call takes part in it."""
    from regrad.codemods.engine import moving

    path = event.frame.path
    given = given_loss(event)
    found = leading_up(program, event, given, operations_behind(event, event.loss, event.variables))
    if found.statements or not found.in_given:
        raise CannotMove("the loss is computed in front of the call")
    if any(isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)) for node in ast.walk(given)):
        raise CannotMove("the expression does more than to compute the loss")
    text = f"lambda: {program.source(given, path)}"
    if isinstance(given, ast.Call) and not given.args and not given.keywords and _is_path(given.func):
        text = program.source(given.func, path)
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    rewrite.replace(given, text)
    return (Mending("hand over what computes the loss", Safety.SAFE, rewrite.edits()),)


def _is_path(node: ast.expr) -> bool:
    """Whether it is a name or attributes of one, which give the same function whenever they are asked."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)
