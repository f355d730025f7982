"""Targets for a loss that reads none: Keras asks a loss for its value only where there are targets to give it."""

from __future__ import annotations

import ast

from regrad.analysis.events import Trained
from regrad.analysis.parameters import positional_names
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Function, Tensor
from regrad.codemods.engine import deliveries, imports
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.own_losses import function_of
from regrad.codemods.engine.rule import Edit


def reads_no_targets(event: Trained) -> bool:
    """Whether the one loss of the model is a function of the program's own that never names its targets."""
    loss = event.compilation.loss if event.compilation is not None else None
    function = function_of(loss)
    if function is None or not isinstance(loss, Function) or len(event.heads) != 1 or loss.owner is not None:
        return False
    names = positional_names(function.node.args)
    body = [function.node.body] if isinstance(function.node, ast.Lambda) else function.node.body
    read = {each.id for part in body for each in ast.walk(part) if isinstance(each, ast.Name)}
    return len(names) > 1 and names[0] not in read and names[1] in read and "locals" not in read


def zeros_given(program: Program, event: Trained) -> tuple[Edit, ...]:
    """A zero for each example, as the targets of the call."""
    from regrad.codemods.engine.arguments import Append, Set, change_call

    call, path, given = event.node, event.frame.path, event.x_node
    if not isinstance(call, ast.Call) or event.y_node is not None or deliveries.validation(event) is not None:
        raise CannotMove("the call of `fit` is not written out")
    if not isinstance(given, (ast.Name, ast.Attribute)):
        raise CannotMove("the input is an expression that should be computed once")
    text = program.source(given, path)
    if isinstance(event.x, Collection) and (deliveries.inputs_of(event) or 1) > 1:
        text = f"{text}[0]"
    elif not isinstance(event.x, Tensor):
        raise CannotMove("how many examples there are is not certain")
    zeros = imports.spelled(program.trees[path], ["numpy.zeros"], call)
    if zeros is None:
        raise CannotMove("the loss reads no targets; any will do, one for each example")
    change = Append(f"{zeros}(len({text}))") if len(call.args) == 1 else Set("y", f"{zeros}(len({text}))", "x")
    return (change_call(program.files[path], call, change),)
