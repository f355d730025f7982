"""A loss over classes that is given the class decided for: given what the decision was made of instead."""

from __future__ import annotations

import ast

from regrad.analysis.endings import Ending
from regrad.analysis.program import Program
from regrad.analysis.values import Operation
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.broken_paths import argument, text_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surrogates import consumers_of

_OVER_CLASSES = frozenset({"categorical_crossentropy", "sparse_categorical_crossentropy"})


def undecided(program: Program, ending: Ending) -> Mending:
    """The scores in the place of the decision; raises `CannotMove` where something else is made of that."""
    from regrad.codemods.engine.moving import Rewrite

    choice, frame = ending.node, ending.frame
    losses = [tensor.operation for tensor in consumers_of(ending)]
    if ending.operation is None or ending.operation.name != "argmax" or not isinstance(choice, ast.Call):
        raise CannotMove("no class is decided for here")
    scores = argument(choice, 0, "input", "a", "x")
    given = [_prediction(program, loss, frame.path) for loss in losses]
    if scores is None or not losses or any(each is None for each in given):
        raise CannotMove("the decision is used by more than a loss over classes")
    source, path = program.files[frame.path], frame.path
    rewrite = Rewrite(source, program.trees[path])
    text = text_of(source, scores)
    for each in given:
        assert each is not None
        if any(inner is choice for inner in ast.walk(each)):
            rewrite.replace(each, text)
            continue
        statement = program.statement(choice, path)
        if not isinstance(each, ast.Name) or not isinstance(scores, ast.Name) or not _names(statement, each.id):
            raise CannotMove("the decision reaches the loss under another name")
        rewrite.replace(each, text)
        uses = [one for one in program.nodes_of(path, ast.Name) if one.id == each.id]
        if len(uses) == len(given) + 1 and statement is not None:
            rewrite.remove([statement], keep_comments=True)
    why = "a loss over classes compares scores; the class decided for says nothing of how sure it is"
    return Mending("give the loss the scores", Safety.UNSAFE, rewrite.edits(), why)


def _prediction(program: Program, loss: Operation, path: str) -> ast.expr | None:
    """The second argument of a loss over classes that is called in this file."""
    node = loss.node
    if loss.kind != "loss" or loss.name not in _OVER_CLASSES or not isinstance(node, ast.Call):
        return None
    if loss.frame is None or loss.frame.path != path:
        return None
    return argument(node, 1, "y_pred", "output")


def _names(statement: ast.stmt | None, name: str) -> bool:
    bound = binding(statement)
    return bound is not None and bound.target.id == name
