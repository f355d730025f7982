"""A tensor that is put into one weight of a model is handed to the model's call, by `stateless_call` of Keras 3."""

from __future__ import annotations

import ast

from regrad.analysis import generation
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.unreached import scope_of
from regrad.analysis.values import Constant, Instance
from regrad.codemods.engine import surroundings
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import Rewrite, before
from regrad.codemods.engine.operations_of import tensors
from regrad.codemods.engine.poured import Poured, free_name, is_receiver, loop_around, spelled_read
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.stateless_copy import called_as, holder_of


def called_with_weight(program: Program, evidence: Poured) -> Mending:
    """`model.w.assign(w)` before `model(x)`: the call gets `w` in the place of that weight."""
    call, path, frame = evidence.node, evidence.frame.path, evidence.frame
    statement = program.statement(call, path)
    if (
        not isinstance(call, ast.Call)
        or not isinstance(call.func, ast.Attribute)
        or call.func.attr != "assign"
        or not isinstance(statement, ast.Expr)
        or statement.value is not call
        or len(call.args) != 1
        or call.keywords
        or not isinstance(call.func.value, ast.Attribute)
        or not isinstance(call.func.value.value, ast.Name)
    ):
        raise CannotMove("the variable is read in another function")
    receiver, holder = call.func.value, call.func.value.value
    model, value = holder.id, holder_of(frame, holder)
    if program.keras == 2 or generation.only_keras_2(program) or not isinstance(value, Instance):
        raise CannotMove("the variable is read in another function")
    stated = evidence.variable.fields.get("trainable")
    if value.role not in ("model", "layer") or (isinstance(stated, Constant) and not stated.value):
        raise CannotMove("the variable is read in another function")
    scope, parents = scope_of(program, frame), program.parents(path)
    held, text = program.source(receiver, path), program.source(call.args[0], path)
    if loop_around(program, statement, evidence, scope) is not None or held in text or "\n" in text:
        raise CannotMove("the variable carries its content from one pass of the loop to the next")
    later = {
        node.id
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.lineno > statement.lineno
    }
    plain = isinstance(call.args[0], ast.Name) and text not in later
    name = text if plain else free_name(scope, held)
    following = {id(each) for each in surroundings.block_of(program, statement, path)}
    rewrite = Rewrite(program.files[path], program.trees[path])
    weights = surroundings.free_name(program, path, scope, ("weights", "new_weights", "all_weights"))
    lines = [] if plain else [f"{name} = {text}"]
    lines.append(f"{weights} = [{name} if each is {held} else each for each in {model}.trainable_variables]")
    rewrite.insert("\n".join(lines), before(statement))
    if not plain:
        rewrite.replace(call.args[0], name)
    handed: list[ast.Call] = []
    for node in ast.walk(scope):
        if not isinstance(node, ast.Name) or node.id != model or node is holder or node.lineno < statement.lineno:
            continue
        if not any(id(each) in following for each in surroundings.owners(program, node, path)):
            raise CannotMove("the model is used where the assignment may not have happened")
        outer = parents.get(node)
        if isinstance(outer, ast.Attribute) and program.source(outer, path) == held and not is_receiver(parents, outer):
            rewrite.replace(spelled_read(parents, outer), name)
            continue
        if not isinstance(outer, ast.Call) or outer.func is not node:
            raise CannotMove("the model is used in another way than by a call")
        rewrite.replace(outer, called_as(program, outer, model, weights, path, value))
        handed.append(outer)
    if not handed:
        raise CannotMove("the model is not called after the assignment")
    _refuse_others(program, evidence, handed)
    reason = "" if program.keras_known else "it takes Keras 3, which is assumed here"
    safety = Safety.SAFE if program.keras_known else Safety.UNSAFE
    return Mending("call the model with what was assigned", safety, rewrite.edits(), reason)


def _refuse_others(program: Program, evidence: Poured, handed: list[ast.Call]) -> None:
    """Raises where the variable is read by anything but the function itself and the calls that are handed its value."""
    here = scope_of(program, evidence.frame)
    for tensor in tensors(program):
        operation = tensor.operation
        if operation.frame is None or not any(value is evidence.variable for value in operation.inputs):
            continue
        # Every activation of this function counts, not only the one that the finding is of.
        place: ast.AST | None = operation.node
        frame: Frame | None = operation.frame
        while frame is not None and scope_of(program, frame) is not here:
            place, frame = frame.call, frame.caller
        if frame is not operation.frame and not any(place is call for call in handed):
            raise CannotMove("the variable is read in another function")
