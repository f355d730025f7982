"""Variables that a list, a dictionary or a module holds: where the program reads them, and how all of them are said."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

from regrad.analysis import trainings
from regrad.analysis.callee import called
from regrad.analysis.frames import Frame, Scope
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Instance, Mapping, Value, Variable
from regrad.codemods.engine.surroundings import function_around

_PASSING = frozenset({"zip", "enumerate", "items", "values", "list", "tuple", "reversed"})
_MADE = (ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Tuple)


class Holder(NamedTuple):
    """What holds several variables and no other thing, and how a place of the program can say the list of them."""

    value: Value
    spelled: str
    listed: str


def statement_of(program: Program, variable: Variable, path: str) -> ast.Assign | ast.AnnAssign | None:
    """The assignment of the variable, or of the list or dictionary that it is made in."""
    node = variable.node
    statement = program.statement(node, path) if node is not None and path in program.trees else None
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None or node is None:
        return None
    value, parent = statement.value, program.parents(path).get(node)
    return statement if value is node or (isinstance(value, _MADE) and parent is value) else None


def holder(frame: Frame, variable: Variable, missing: set[int]) -> Holder | None:
    """What holds the variable, if everything in it is missing."""
    for spelled, value in _said(frame.scope, frame.this):
        if isinstance(value, Instance) and value.role in ("module", "layer"):
            inner = [each for each in trainings.inside(value) if each is not value]
            if any(each is variable for each in inner) and all(id(each) in missing for each in inner):
                listed = f"{spelled}.trainable_variables"
                # Of a `tf.Module` it is a tuple.
                return Holder(value, spelled, f"list({listed})" if value.role == "module" else listed)
        if isinstance(value, (Collection, Mapping)):
            items = value.items if isinstance(value, Collection) else tuple(value.entries.values())
            if any(each is variable for each in items) and all(id(each) in missing for each in items):
                listed = f"list({spelled}.values())" if isinstance(value, Mapping) else f"list({spelled})"
                return Holder(value, spelled, listed)
    return None


def _said(scope: Scope, this: Value | None) -> Iterator[tuple[str, Value]]:
    """Names in reach, then the attributes of what they stand for."""
    names: list[tuple[str, Value]] = []
    current: Scope | None = scope
    while current is not None:
        names += [(name, value) for name, value in current.names.items() if isinstance(value, Value)]
        current = current.parent
    names = [(name, value) for name, value in names if name.isidentifier() and not name.startswith("__")]
    yield from ((name, value) for name, value in names if value is not this)
    for name, value in names:
        if isinstance(value, Instance):
            yield from (
                (f"{name}.{attribute}", part)
                for attribute, part in value.fields.items()
                if attribute.isidentifier() and isinstance(part, Value)
            )


def is_read_harmlessly(
    program: Program, path: str, mention: ast.AST, harmless: Callable[[ast.AST, ast.AST | None], bool]
) -> bool:
    """Whether a mention of the list takes single variables out of it, and each of these is only computed with."""
    parents = program.parents(path)
    node, parent = mention, parents.get(mention)
    if isinstance(parent, ast.Subscript) and parent.value is node:
        return isinstance(parent.ctx, ast.Load) and harmless(parent, parents.get(parent))
    if isinstance(parent, ast.Attribute) and parent.attr in _PASSING:
        node, parent = parent, parents.get(parent)
    while isinstance(parent, ast.Call) and called(parent) in _PASSING:
        node, parent = parent, parents.get(parent)
    if not isinstance(parent, (ast.comprehension, ast.For)) or parent.iter is not node:
        return False
    within: ast.AST | None = parents.get(parent) if isinstance(parent, ast.comprehension) else parent
    if isinstance(within, ast.For):
        within = function_around(program, within, path) or program.trees[path]
    bound = {each.id for each in ast.walk(parent.target) if isinstance(each, ast.Name)}
    return within is not None and all(
        harmless(each, parents.get(each)) or _is_other(parents.get(each), each)
        for each in ast.walk(within)
        if isinstance(each, ast.Name) and each.id in bound and isinstance(each.ctx, ast.Load)
    )


def only_renamed(
    program: Program, path: str, node: ast.AST, harmless: Callable[[ast.AST, ast.AST | None], bool]
) -> bool:
    """Whether a variable, or a list of them, only gets another name, or one for each, and these are read harmlessly."""
    parents = program.parents(path)
    parent, value = parents.get(node), node
    if isinstance(parent, ast.Tuple) and isinstance(parent.ctx, ast.Load):
        value, parent = parent, parents.get(parent)
    if not isinstance(parent, ast.Assign) or parent.value is not value or len(parent.targets) != 1:
        return False
    target = parent.targets[0]
    names = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
    if isinstance(value, ast.Tuple) and value is not node:
        if len(value.elts) != len(names) or not isinstance(target, ast.Tuple):
            return False
        names = [name for name, each in zip(names, value.elts, strict=True) if each is node]
    bound = {name.id for name in names if isinstance(name, ast.Name)}
    within = function_around(program, parent, path)
    # At the top of a module a name may be read by anybody.
    if within is None or len(bound) != len(names):
        return False
    return all(
        isinstance(each.ctx, ast.Store) and not isinstance(parents.get(each), ast.AugAssign)
        if not isinstance(each.ctx, ast.Load)
        else harmless(each, parents.get(each))
        for each in ast.walk(within)
        if isinstance(each, ast.Name) and each.id in bound
    )


def _is_other(parent: ast.AST | None, node: ast.Name) -> bool:
    """Whether it is a key of a dictionary, or an index: what a loop gives besides the variable."""
    if isinstance(parent, ast.Subscript):
        return parent.slice is node
    return isinstance(parent, ast.DictComp) and parent.key is node
