"""A layer that is made anew in every call, made once in `__init__` and kept."""

from __future__ import annotations

import ast
import re

from regrad.analysis.program import Program
from regrad.analysis.values import Instance, Layer
from regrad.codemods.engine.moving import CannotMove, Rewrite, at_end
from regrad.codemods.engine.rule import Mending, Safety


def made_in_init(program: Program, layer: Layer, owner: Instance) -> Mending:
    """The layer is made in `__init__` and kept. Raises `CannotMove` with the reason."""
    frame, call = layer.frame, layer.node
    assert frame is not None and frame.function is not None and isinstance(call, ast.Call)
    path = frame.path
    found = owner.cls.find("__init__")
    initializer = getattr(found[0], "node", None) if found is not None and found[1] is frame.function.owner else None
    if not isinstance(initializer, ast.FunctionDef):
        raise CannotMove("the class has no `__init__` to make the layer in")
    parents = program.parents(path)
    current = parents.get(call)
    while current is not None and current is not frame.function.node:
        if isinstance(current, (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.Lambda)):
            raise CannotMove("the layer is made in a loop")
        current = parents.get(current)
    parameters = frame.function.node.args
    local = {each.arg for each in (*parameters.args, *parameters.kwonlyargs)} - {"self"}
    local |= {
        node.id
        for node in ast.walk(frame.function.node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    if any(isinstance(node, ast.Name) and node.id in local for node in ast.walk(call)):
        raise CannotMove("the layer depends on what `call` is given; make it in `build`")
    statement = program.statement(call, path)
    local_name = _named(statement, call, frame.function.node)
    name = local_name or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", layer.kind).lower()
    taken = {node.attr for node in ast.walk(owner.cls.node) if isinstance(node, ast.Attribute)}
    number, free = 1, name
    while free in taken:
        number, free = number + 1, f"{name}_{number}"
    rewrite = Rewrite(program.files[path], program.trees[path])
    if local_name and free == local_name and statement is not None:
        rewrite.move([statement], at_end(initializer))
        for node in ast.walk(frame.function.node):
            if isinstance(node, ast.Name) and node.id == local_name:
                rewrite.replace(node, f"self.{free}")
    else:
        rewrite.replace(call, f"self.{free}")
        rewrite.insert(f"self.{free} = {program.source(call, path)}", at_end(initializer))
    return Mending(
        "make the layer once, in `__init__`", Safety.UNSAFE, rewrite.edits(), "weights move that did not move before"
    )


def _named(statement: ast.stmt | None, call: ast.Call, function: ast.AST) -> str:
    """The local name that the layer gets and nothing else; "" where there is none."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
    if not isinstance(statement, ast.Assign) or statement.value is not call or not isinstance(target, ast.Name):
        return ""
    bound = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id == target.id and not isinstance(node.ctx, ast.Load)
    ]
    alone = len(bound) == 1 and statement in getattr(function, "body", ())
    return target.id if alone else ""
