"""What went into a variable is computed with directly: the expression, or a name for it beside the assignment."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NamedTuple

from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Variable
from regrad.codemods.engine.rule import Mending, Safety

ASSIGNS = frozenset({"assign", "assign_add", "assign_sub"})


class Poured(NamedTuple):
    """An expression that went into a variable: by its constructor, or by `assign`."""

    node: ast.AST
    frame: Frame
    variable: Variable
    made: bool


def unwrapped(program: Program, evidence: Poured) -> Mending:
    """`tf.Variable(expression)` becomes the expression."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    call, path = evidence.node, evidence.frame.path
    if not isinstance(call, ast.Call) or not call.args or isinstance(call.args[0], ast.Starred):
        raise CannotMove("the place where the variable is made is not known")
    if evidence.variable.fields.get("#assigned"):
        raise CannotMove("the variable is assigned later on")
    if any(keyword.arg not in ("name", "trainable") for keyword in call.keywords) or len(call.args) > 1:
        raise CannotMove("the variable has a dtype or a shape of its own")
    value = call.args[0]
    rewrite = Rewrite(program.files[path], program.trees[path])
    if isinstance(value, (ast.List, ast.Tuple, ast.ListComp)):
        function = program.source(call.func, path)
        if not function.endswith(".Variable"):
            raise CannotMove("how `stack` is called here is not known")
        for node in ast.walk(value):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "float"
                and len(node.args) == 1
            ):
                rewrite.replace(node, program.source(node.args[0], path))
        rewrite.replace(call.func, function[: -len("Variable")] + "stack")
    else:
        rewrite.replace(call, program.source(value, path))
    return Mending("compute with the expression itself", Safety.SAFE, rewrite.edits())


def threaded(program: Program, evidence: Poured) -> Mending:
    """What is assigned gets a name, and what follows reads the name."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    call, path = evidence.node, evidence.frame.path
    statement = program.statement(call, path)
    if (
        not isinstance(call, ast.Call)
        or not isinstance(call.func, ast.Attribute)
        or not isinstance(statement, ast.Expr)
        or statement.value is not call
        or not call.args
    ):
        raise CannotMove("the assignment is part of another expression")
    scope = _scope(program, evidence.frame)
    receiver = program.source(call.func.value, path)
    parents = program.parents(path)
    block = parents.get(statement)
    uses = uses_of(program, call, evidence.frame)
    earlier = [node for node in _reads(program, scope, receiver, path) if node.lineno < statement.lineno]
    if _in_loop(parents, statement, scope) and not _refreshed(parents, statement, earlier):
        raise CannotMove("the variable carries its content from one pass of the loop to the next")
    if any(not _within(parents, node, block) for node in uses):
        raise CannotMove("the variable is read where the assignment may not have happened")
    if not uses:
        raise CannotMove("the variable is read in another function")
    argument = call.args[0]
    text = program.source(argument, path)
    rewrite = Rewrite(program.files[path], program.trees[path])
    if call.func.attr == "assign" and isinstance(argument, ast.Name):
        name = text
    else:
        name = _free_name(scope, receiver)
        sign = {"assign_add": "+", "assign_sub": "-"}.get(call.func.attr)
        if sign is not None:
            plain = isinstance(argument, (ast.Name, ast.Attribute, ast.Call, ast.BinOp)) and not _loose(argument)
            text = f"{receiver} {sign} {text if plain else f'({text})'}"
        rewrite.replace(statement, f"{name} = {text}\n{receiver}.assign({name})")
    for node in uses:
        parent, outer = parents.get(node), None
        if isinstance(parent, ast.Attribute) and parent.attr in ("read_value", "value"):
            outer = parents.get(parent)
        rewrite.replace(outer if isinstance(outer, ast.Call) else node, name)
    return Mending("compute with what was assigned", Safety.SAFE, rewrite.edits())


def _scope(program: Program, frame: Frame) -> ast.AST:
    return frame.function.node if frame.function is not None else program.trees[frame.path]


def _reads(program: Program, scope: ast.AST, receiver: str, path: str) -> list[ast.Name | ast.Attribute]:
    return [
        node
        for node in ast.walk(scope)
        if isinstance(node, (ast.Name, ast.Attribute))
        and isinstance(node.ctx, ast.Load)
        and program.source(node, path) == receiver
    ]


def uses_of(program: Program, call: ast.Call, frame: Frame) -> list[ast.Name | ast.Attribute]:
    """Where the same function reads the variable after this assignment, up to the next one, which has its own turn."""
    path = frame.path
    statement = program.statement(call, path)
    if not isinstance(call.func, ast.Attribute) or statement is None:
        return []
    parents = program.parents(path)
    end = statement.end_lineno or statement.lineno
    later = [
        node
        for node in _reads(program, _scope(program, frame), program.source(call.func.value, path), path)
        if node.lineno > end
    ]
    limit = min((node.lineno for node in later if _is_receiver(parents, node)), default=None)
    return [node for node in later if (limit is None or node.lineno <= limit) and not _is_receiver(parents, node)]


def _loose(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))


def _is_receiver(parents: Mapping[ast.AST, ast.AST], node: ast.AST) -> bool:
    parent = parents.get(node)
    return isinstance(parent, ast.Attribute) and parent.attr in ASSIGNS


def _in_loop(parents: Mapping[ast.AST, ast.AST], statement: ast.AST, scope: ast.AST) -> bool:
    current = parents.get(statement)
    while current is not None and current is not scope:
        if isinstance(current, (ast.For, ast.While)):
            return True
        current = parents.get(current)
    return False


def _refreshed(
    parents: Mapping[ast.AST, ast.AST], statement: ast.stmt, earlier: list[ast.Name | ast.Attribute]
) -> bool:
    """Whether each pass of the loop starts by giving the variable a new content, so that none is carried over."""
    if not earlier:
        return True
    loop: ast.AST | None = parents.get(statement)
    while loop is not None and not isinstance(loop, (ast.For, ast.While)):
        loop = parents.get(loop)
    inside = [node for node in earlier if loop is not None and node.lineno > loop.lineno]
    if not inside:
        return True
    first = min(inside, key=lambda node: (node.lineno, node.col_offset))
    parent = parents.get(first)
    return isinstance(parent, ast.Attribute) and parent.attr == "assign"


def _within(parents: Mapping[ast.AST, ast.AST], node: ast.AST, block: ast.AST | None) -> bool:
    """Whether a place lies in the block (at any depth), and not in a function defined there."""
    current = parents.get(node)
    while current is not None:
        if current is block:
            return True
        if isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return False
        current = parents.get(current)
    return False


def _free_name(scope: ast.AST, receiver: str) -> str:
    last = receiver.rpartition(".")[2]
    taken = {node.id for node in ast.walk(scope) if isinstance(node, ast.Name)} | {
        node.arg for node in ast.walk(scope) if isinstance(node, ast.arg)
    }
    for name in (last, f"new_{last}", f"{last}_now"):
        if name.isidentifier() and name not in taken:
            return name
    return f"assigned_{last}"
