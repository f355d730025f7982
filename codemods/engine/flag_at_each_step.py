"""The flag of a model that trains by itself and stands still within another: set right before each step."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.codemods.engine.moving import CannotMove, Rewrite, before


def toggled(program: Program, rewrite: Rewrite, own: Sequence[Trained], held_by: Sequence[Trained]) -> None:
    """Switches the model on before each of its own steps, and off before those of the models that hold it."""
    spelled: dict[ast.AST, str] = {}
    steps: dict[ast.stmt, str] = {}
    path = own[0].frame.path
    for event in own:
        function = event.frame.function
        if (
            event.frame.path != path
            or not isinstance(event.node, ast.Call)
            or not isinstance(event.node.func, ast.Attribute)
        ):
            raise CannotMove("the model is trained in several files")
        text = program.source(event.node.func.value, path)
        spelled[function.node if function is not None else program.trees[path]] = text
        steps[_statement(program, event)] = f"{text}.trainable = True"
    for event in held_by:
        function = event.frame.function
        text = (
            spelled.get(function.node if function is not None else program.trees[path], "")
            if event.frame.path == path
            else ""
        )
        if not text:
            raise CannotMove(
                "the combined model is trained in another function, which does not know the model that was switched off"
            )
        steps[_statement(program, event)] = f"{text}.trainable = False"
    if not held_by:
        raise CannotMove("nothing shows what it was switched off for")
    previous: tuple[ast.AST | None, str] = (None, "")
    for statement, text in sorted(steps.items(), key=lambda item: item[0].lineno):
        block = program.parents(path).get(statement)
        # Two steps of one model in a row need the flag once.
        if (block, text) != previous:
            rewrite.insert(text, before(statement))
        previous = (block, text)


def _statement(program: Program, event: Trained) -> ast.stmt:
    statement = program.statement(event.node, event.frame.path)
    if not isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign)):
        raise CannotMove("the step is not a statement of its own")
    return statement
