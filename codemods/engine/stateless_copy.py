"""A model that gets computed weights is called with these weights, by `stateless_call` of Keras 3."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis import generation
from regrad.analysis.callee import called
from regrad.analysis.frames import Frame
from regrad.analysis.parameters import positional
from regrad.analysis.program import Program
from regrad.analysis.values import Instance, Network, Value
from regrad.codemods.engine.binding import bound_once
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import Rewrite, before
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import free_name, function_around

_LISTS = frozenset({"trainable_variables", "trainable_weights"})


class Elsewhere(NamedTuple):
    """Weights of a copy that are assigned under the tape."""

    node: ast.AST
    frame: Frame
    recorded: ast.AST
    """The `with` of the tape, or the function that is called there."""


class _Poured(NamedTuple):
    """The statement that gives a model its weights, and the list of what they are."""

    statement: ast.For | ast.Expr
    model: ast.Name | ast.Attribute
    weights: str
    named: bool = False
    """Whether `weights` is a name that the list has already."""


class _Call(NamedTuple):
    """A place where the model is called with these weights: itself, or by the function that it is handed to."""

    place: ast.expr
    text: str


def called_with_weights(program: Program, evidence: Elsewhere) -> Mending:
    """`copy.trainable_variables[k].assign(w - rate * g)` becomes a list, with which the copy is called."""
    path = evidence.frame.path
    if program.keras == 2 or generation.only_keras_2(program):
        raise CannotMove(
            "a Keras 2 model cannot be called with weights other than its own; its forward pass must be written with"
            " tensors"
        )
    poured = _poured(program, evidence, path)
    value = holder_of(evidence.frame, poured.model)
    if not isinstance(value, Network) and not (isinstance(value, Instance) and value.role == "model"):
        raise CannotMove("what gets the new weights is not known to be a model of Keras")
    scope = function_around(program, poured.statement, path) or program.trees[path]
    name = poured.weights if poured.named else free_name(program, path, scope, ("adapted", "new_weights"))
    model = program.source(poured.model, path)
    mentions = [node for node in _mentions(program, model, path) if isinstance(node.ctx, ast.Load)]
    own = {id(node) for node in ast.walk(poured.statement)}
    recorded = {id(node) for node in ast.walk(evidence.recorded)}
    end = poured.statement.end_lineno or poured.statement.lineno
    later = [node for node in mentions if id(node) in recorded and node.lineno > end]
    calls = [_called(program, node, model, name, path, value) for node in later]
    if not calls:
        raise CannotMove("the model is not called where the tape records")
    rewrite = Rewrite(program.files[path], program.trees[path])
    if not poured.named:
        rewrite.insert(f"{name} = {poured.weights}", before(poured.statement))
    handled = own | {id(node) for node in later}
    # What others can see keeps the weights that it was given.
    visible = isinstance(poured.model, ast.Attribute) or len(program.trees) > 1
    kept = visible or any(id(node) not in handled for node in mentions)
    if kept and not poured.named:
        rewrite.insert(
            f"for held, new in zip({model}.trainable_variables, {name}):\n    held.assign(new)",
            before(poured.statement),
        )
    if not (kept and poured.named):
        rewrite.remove([poured.statement], keep_comments=True)
    for call in calls:
        rewrite.replace(call.place, call.text)
    reason = "" if program.keras_known else "it takes Keras 3, which is assumed here"
    safety = Safety.SAFE if program.keras_known else Safety.UNSAFE
    return Mending("call the model with the new weights", safety, rewrite.edits(), reason)


def holder_of(frame: Frame, node: ast.Name | ast.Attribute) -> Value | None:
    if isinstance(node, ast.Name):
        scope = frame.scope.find(node.id)
        return scope.names[node.id] if scope is not None else None
    return frame.this.fields.get(node.attr) if isinstance(frame.this, Instance) else None


def _takes_training(model: Value) -> bool:
    """Whether its own `call`, to which `stateless_call` hands everything on, has the argument that a call takes."""
    if not isinstance(model, Instance):
        return True
    own = [each for each in model.cls.node.body if isinstance(each, ast.FunctionDef) and each.name == "call"]
    return any(
        each.args.kwarg is not None or any(one.arg == "training" for one in (*each.args.args, *each.args.kwonlyargs))
        for each in own
    )


def _mentions(program: Program, text: str, path: str) -> list[ast.Name | ast.Attribute]:
    nodes: list[ast.Name | ast.Attribute] = [*program.nodes_of(path, ast.Name)]
    nodes.extend(program.nodes_of(path, ast.Attribute))
    return [node for node in nodes if program.source(node, path) == text]


def _poured(program: Program, evidence: Elsewhere, path: str) -> _Poured:
    """Reads the statement; raises where it is of another form."""
    call = evidence.node
    statement = program.statement(call, path)
    if (
        not isinstance(call, ast.Call)
        or not isinstance(call.func, ast.Attribute)
        or not isinstance(statement, ast.Expr)
    ):
        raise CannotMove("the assignment is part of another expression")
    if statement.value is not call or len(call.args) != 1 or call.keywords:
        raise CannotMove("what is assigned is not written out")
    if call.func.attr == "set_weights":
        model, given = call.func.value, call.args[0]
        made = _bound_before(program, given, path) if isinstance(given, ast.Name) else given
        one = made.generators[0] if isinstance(made, ast.ListComp) else None
        whole = one is not None and not one.ifs and _as_many(program, one.iter, path)
        if not isinstance(model, (ast.Name, ast.Attribute)) or not whole:
            raise CannotMove("what is assigned is not written out")
        return _Poured(statement, model, program.source(given, path), isinstance(given, ast.Name))
    loop = program.parents(path).get(statement)
    if call.func.attr != "assign" or not isinstance(loop, ast.For) or loop.body != [statement] or loop.orelse:
        raise CannotMove("the loop over the weights does something else as well")
    text = program.source(call.args[0], path)
    if "\n" in text or "#" in program.source(loop, path):
        raise CannotMove("the loop over the weights goes over several lines")
    receiver, over = call.func.value, loop.iter
    if not isinstance(over, ast.Call) or not isinstance(over.func, ast.Name) or not isinstance(loop.target, ast.Tuple):
        raise CannotMove("whether the loop comes to every weight is not known")
    if isinstance(receiver, ast.Subscript):
        holder, header = _counted(program, receiver, over, loop.target, call.args[0], path)
    else:
        holder, header = _zipped(program, receiver, over, loop.target, path)
    held = {program.source(holder, path), program.source(receiver, path)}
    if any(isinstance(each, (ast.Name, ast.Attribute, ast.Subscript)) and program.source(each, path) in held
           for each in ast.walk(call.args[0])):  # fmt: skip
        raise CannotMove("the new weights are made of those that the model had")
    return _Poured(loop, holder, f"[{text} {header}]")


def _bound_before(program: Program, name: ast.Name, path: str) -> ast.expr | None:
    """What a name is bound to before it is read here, where its function binds it once."""
    found = bound_once(function_around(program, name, path) or program.trees[path], name.id)
    return found.value if found is not None and found.statement.lineno < name.lineno else None


def _counted(
    program: Program, receiver: ast.Subscript, over: ast.Call, target: ast.Tuple, value: ast.expr, path: str
) -> tuple[ast.Name | ast.Attribute, str]:
    """Of `for k, (w, g) in enumerate(…): model.trainable_variables[k].assign(value)`, the model and what is gone
    through.
    """
    holder, index, function = _list_of(receiver.value), receiver.slice, program.source(over.func, path)
    if (
        holder is None
        or not isinstance(index, ast.Name)
        or function != "enumerate"
        or len(over.args) != 1
        or over.keywords
        or len(target.elts) != 2
        or program.source(target.elts[0], path) != index.id
        or not _as_many(program, over.args[0], path)
    ):
        raise CannotMove("whether the loop comes to every weight is not known")
    if any(isinstance(node, ast.Name) and node.id == index.id for node in ast.walk(value)):
        return holder, f"for {program.source(target, path)} in {program.source(over, path)}"
    return holder, f"for {_bare(program, target.elts[1], path)} in {program.source(over.args[0], path)}"


def _zipped(
    program: Program, receiver: ast.expr, over: ast.Call, target: ast.Tuple, path: str
) -> tuple[ast.Name | ast.Attribute, str]:
    """Of `for held, w, g in zip(model.trainable_variables, …): held.assign(…)`, the model and the rest of the zip."""
    if program.source(over.func, path) != "zip" or len(target.elts) != len(over.args) or len(over.args) < 2:
        raise CannotMove("whether the loop comes to every weight is not known")
    name = receiver.id if isinstance(receiver, ast.Name) else ""
    places = [i for i, each in enumerate(target.elts) if isinstance(each, ast.Name) and each.id == name]
    holder = _list_of(over.args[places[0]]) if len(places) == 1 else None
    if holder is None:
        raise CannotMove("whose weights are assigned is not written here")
    rest = [i for i in range(len(over.args)) if i != places[0]]
    bound = [program.source(target.elts[i], path) for i in rest]
    lists = [program.source(over.args[i], path) for i in rest]
    if len(rest) == 1:
        return holder, f"for {bound[0]} in {lists[0]}"
    return holder, f"for {', '.join(bound)} in zip({', '.join(lists)})"


def _as_many(program: Program, node: ast.expr, path: str) -> bool:
    """Whether a list has one element for each weight; `stateless_call` itself counts them again."""
    if any(_list_of(each) for each in ast.walk(node)):
        return True
    values = [
        each.value
        for each in program.nodes_of(path, ast.Assign)
        if isinstance(node, ast.Name)
        and any(isinstance(target, ast.Name) and target.id == node.id for target in each.targets)
    ]
    return bool(values) and all(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == "gradient"
        for each in values
    )


def _bare(program: Program, node: ast.expr, path: str) -> str:
    """A target without the parentheses that it needs within another one."""
    if isinstance(node, ast.Tuple):
        return ", ".join(program.source(each, path) for each in node.elts)
    return program.source(node, path)


def _list_of(node: ast.AST) -> ast.Name | ast.Attribute | None:
    """The model of whose trainable weights an expression is the list."""
    if isinstance(node, ast.Attribute) and node.attr in _LISTS and isinstance(node.value, (ast.Name, ast.Attribute)):
        return node.value
    return None


def called_as(program: Program, call: ast.Call, model: str, weights: str, path: str, value: Value) -> str:
    """A call of the model with these weights, as source text."""
    if not _only_inputs(call):
        raise CannotMove("the model is called in training mode, where it may change more than its weights")
    given = [*call.args, *(call.keywords if _takes_training(value) else ())]
    inputs = ", ".join(program.source(each, path) for each in given)
    return f"{model}.stateless_call({weights}, {model}.non_trainable_variables, {inputs})[0]"


def _called(
    program: Program, node: ast.Name | ast.Attribute, model: str, weights: str, path: str, value: Value
) -> _Call:
    """The call of the model at one of its mentions, with the weights."""
    parent = program.parents(path).get(node)
    if isinstance(parent, ast.Call) and parent.func is node:
        return _Call(parent, called_as(program, parent, model, weights, path, value))
    if isinstance(parent, ast.Call) and any(each is node for each in parent.args):
        _refuse_other_uses(program, parent, parent.args.index(node), path)
        return _Call(
            node, f"lambda inputs: {model}.stateless_call({weights}, {model}.non_trainable_variables, inputs)[0]"
        )
    raise CannotMove("the model is used in another way than by a call")


def _only_inputs(call: ast.Call) -> bool:
    """Whether a call gives the inputs, and at most says that this is no training."""
    if any(isinstance(each, ast.Starred) for each in call.args) or len(call.args) != 1:
        return False
    return all(
        each.arg == "training" and isinstance(each.value, ast.Constant) and each.value.value is False
        for each in call.keywords
    )


def _refuse_other_uses(program: Program, call: ast.Call, index: int, path: str) -> None:
    """Raises where the function does anything with the model but call it with inputs."""
    name = called(call)
    found = [node for node in program.nodes_of(path, ast.FunctionDef) if node.name == name]
    if len(found) != 1 or any(isinstance(each, ast.Starred) for each in call.args):
        raise CannotMove("what the function that gets the model does with it is not known")
    function = found[0]
    places = positional(function.args)
    bound = bool(places) and places[0].arg == "self" and isinstance(call.func, ast.Attribute)
    if index + bound >= len(places):
        raise CannotMove("what the function that gets the model does with it is not known")
    parameter, parents = places[index + bound].arg, program.parents(path)
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == parameter:
            parent = parents.get(node)
            plain = isinstance(parent, ast.Call) and parent.func is node
            if not plain or not isinstance(parent, ast.Call) or parent.keywords or len(parent.args) != 1:
                raise CannotMove(f"`{name}` does more with the model than to call it")
