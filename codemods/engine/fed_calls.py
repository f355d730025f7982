"""The calls that feed a model of the library, where the file shows all that is done with the model."""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Function, Network
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.own_losses import function_of
from regrad.codemods.engine.surroundings import function_around

FED = {"fit": 1, "train_on_batch": 1, "test_on_batch": 1, "evaluate": 1, "predict": 0, "predict_on_batch": 0}
"""The methods that are given the inputs, and whether targets as well."""
_INDIFFERENT = frozenset(
    "compile summary save save_weights load_weights get_weights set_weights layers get_layer optimizer history weights "
    "trainable_variables trainable_weights variables count_params name".split()
)
_UNCERTAIN = "what else is done with the model is not certain"


def is_loss_of(event: Trained, function: Function) -> bool:
    """Whether a training was compiled with the function as its loss."""
    loss = event.compilation.loss if event.compilation is not None else None
    if isinstance(loss, Collection) and len(loss.items) == 1:
        loss = loss.items[0]
    own = function_of(loss)
    return own is not None and own.node is function.node


def loss_given(event: Trained) -> ast.AST | None:
    """The expression that `compile` was given as the loss, out of its list of one."""
    node = event.compilation.loss_node if event.compilation is not None else None
    return node.elts[0] if isinstance(node, ast.List) and len(node.elts) == 1 else node


def fed_calls(program: Program, model: Network, event: Trained, path: str) -> list[tuple[ast.Call, str]]:
    """Every call that feeds the model, with its method; raises `CannotMove` where more is done with the model."""
    function = event.node.func if isinstance(event.node, ast.Call) else None
    receiver = function.value if isinstance(function, ast.Attribute) else None
    parent = program.parents(path).get(model.node) if model.node is not None else None
    names = {_spelled(receiver)}
    if isinstance(parent, ast.Assign):
        names |= {_spelled(each) for each in parent.targets}
    elif not isinstance(parent, ast.Return):
        raise CannotMove(_UNCERTAIN)
    if "" in names:
        raise CannotMove(_UNCERTAIN)
    found: list[tuple[ast.Call, str]] = []
    for node in (*program.nodes_of(path, ast.Name), *program.nodes_of(path, ast.Attribute)):
        if _spelled(node) not in names or not isinstance(getattr(node, "ctx", None), ast.Load):
            continue
        user = program.parents(path).get(node)
        if isinstance(user, ast.Return):
            continue
        attribute = user.attr if isinstance(user, ast.Attribute) else ""
        call = program.parents(path).get(user) if user is not None else None
        if attribute in FED and isinstance(call, ast.Call) and call.func is user:
            found.append((call, attribute))
        elif attribute not in _INDIFFERENT:
            raise CannotMove(_UNCERTAIN)
    return found


def words_of(program: Program, call: ast.Call, path: str) -> set[str] | None:
    """The keywords that a call is given, also those of its function's callers that it passes on; None if unknown."""
    words = {word.arg for word in call.keywords if word.arg is not None}
    passed = [word.value for word in call.keywords if word.arg is None]
    if not passed:
        return words
    around = function_around(program, call, path)
    kwarg = around.args.kwarg if isinstance(around, ast.FunctionDef) else None
    if kwarg is None or not isinstance(around, ast.FunctionDef) or len(passed) != 1:
        return None
    if not isinstance(passed[0], ast.Name) or passed[0].id != kwarg.arg:
        return None
    own = {each.arg for each in ast.walk(around.args) if isinstance(each, ast.arg)}
    callers = [each for each in program.nodes_of(path, ast.Call) if called(each) == around.name and each is not call]
    for each in callers:
        if any(word.arg is None for word in each.keywords):
            return None
        words |= {word.arg for word in each.keywords if word.arg is not None} - own
    return words if callers else None


def _spelled(node: ast.AST | None) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
