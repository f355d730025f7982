"""The output of a layer that is bound to a name which nothing reads."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis import unreached
from regrad.analysis.callee import called
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.codemods.engine.doubled_operand import other_side
from regrad.codemods.engine.residual import keeps, residual_sum
from regrad.codemods.engine.rule import Mending, Mendings, Safety, Withheld
from regrad.codemods.engine.surroundings import block_of


class Unread(NamedTuple):
    """A name is bound to what a layer gives, and nothing reads it."""

    statement: ast.Assign
    name: str
    value: ast.expr
    """What the name is bound to."""
    frame: Frame


def unread(program: Program, place: unreached.Written, *, recorded: bool = False) -> Unread | None:
    """The statement that binds what was computed with this call to a name which its function never reads; of a
    module only where a tape recorded the call.
    """
    return unread_name(program, place.call, place.frame, recorded=recorded)


def unread_name(program: Program, node: ast.AST, frame: Frame, *, recorded: bool = False) -> Unread | None:
    """The statement that binds what was computed there to a name which its function never reads; of a module only
    where a tape recorded it.
    """
    function = frame.function
    if function is None and not recorded:
        return None
    statement = program.statement(node, frame.path)
    bound = _bound(program, statement, node, frame.path) if isinstance(statement, ast.Assign) else None
    if bound is None or not isinstance(statement, ast.Assign):
        return None
    name, value = bound
    if name.startswith("_") or name == "unused":
        return None
    scope = unreached.scope_of(program, frame)
    if all(each is not statement for each in ast.walk(scope)):
        return None  # a model is made elsewhere, and its layers are called for the first time here
    if function is None and _imported(program, name):
        return None
    for each in ast.walk(scope):
        if isinstance(each, (ast.Global, ast.Nonlocal)) and name in each.names:
            return None
        if isinstance(each, ast.Name):
            if each.id == name and not isinstance(each.ctx, ast.Store):
                return None
            if each.id in ("locals", "vars", "eval", "exec"):
                return None
    return Unread(statement, name, value, frame)


def _bound(program: Program, statement: ast.Assign, node: ast.AST, path: str) -> tuple[str, ast.expr] | None:
    """The one name, and what it is bound to, also where a statement binds several names to as many values."""
    if len(statement.targets) != 1:
        return None
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Name):
        return target.id, value
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple) or len(target.elts) != len(value.elts):
        return None
    parents = program.parents(path)
    part: ast.AST | None = node
    while part is not None and parents.get(part) is not value:
        part = parents.get(part)
    for name, each in zip(target.elts, value.elts, strict=True):
        if each is part and isinstance(name, ast.Name):
            return name.id, each
    return None


def _imported(program: Program, name: str) -> bool:
    """Whether another file of the program takes a name of this kind from a module."""
    return any(
        alias.name in (name, "*")
        for path in program.trees
        for node in program.nodes_of(path, ast.ImportFrom)
        for alias in node.names
    )


_WITHOUT_VALUES = frozenset({"shape", "size", "rank", "len", "range", "zeros_like", "ones_like"})
"""Calls that ask how large their argument is, and not what it holds."""


def read_instead(program: Program, evidence: Unread) -> Mendings:
    """What follows reads the new value in the place of the one that it was made of, where it reads that once."""
    from regrad.codemods.engine.moving import Rewrite

    statement, name, path = evidence.statement, evidence.name, evidence.frame.path
    advice = f"use `{name}` on the way to the output, or take it out with its layer"
    function = unreached.scope_of(program, evidence.frame)
    parents = program.parents(path)
    other = other_side(program, function, statement, name, evidence.value, path)
    if other is not None:
        rewrite = Rewrite(program.files[path], program.trees[path])
        rewrite.replace(other, name)
        title = f"take `{name}` for one of the two `{other.id}`"
        return [Mending(title, Safety.UNSAFE, rewrite.edits(), "the model computes another function")]
    block = block_of(program, statement, path)
    made_of = {
        node.id
        for node in ast.walk(evidence.value)
        if isinstance(node, ast.Name) and evidence.frame.scope.names.get(node.id) is not None
    } - {"self"}
    made_of -= {
        node.id
        for call in ast.walk(evidence.value)
        if isinstance(call, ast.Call) and called(call) in _WITHOUT_VALUES
        for node in ast.walk(call)
        if isinstance(node, ast.Name)
    }
    later = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id in made_of and node.lineno > (statement.end_lineno or 0)
    ]
    if len(later) != 1 or not isinstance(later[0].ctx, ast.Load):
        return Withheld("where it was to be used is not certain", advice)
    current: ast.AST | None = later[0]
    while current is not None and current not in block:
        if isinstance(current, (ast.stmt, ast.Lambda, ast.ListComp, ast.GeneratorExp)):
            return Withheld("where it was to be used is not certain", advice)
        current = parents.get(current)
    if current is None:
        return Withheld("where it was to be used is not certain", advice)
    skip = None if keeps(evidence.value, later[0].id) else residual_sum(function, parents, statement)
    if skip is not None:
        return Withheld(
            f"line {skip.lineno} adds a value to what was made of it, so whether `{name}` takes the place of"
            f" `{later[0].id}` or stands beside it is the author's to say",
            advice,
        )
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(later[0], name)
    return [
        Mending(f"go on with `{name}`", Safety.UNSAFE, rewrite.edits(), "the model computes another function"),
    ]
