"""What a layer computes once, in `__init__` or `build`, computed by the method that uses it, each time anew."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.program import Program
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import free_name, function_around, loaded, owners, stored_locally


class _Kept(NamedTuple):
    """`self.name = …` in the method of a class that makes it."""

    statement: ast.Assign
    target: ast.Attribute
    maker: ast.FunctionDef
    cls: ast.ClassDef
    this: str


def into_user(program: Program, node: ast.AST, path: str) -> tuple[str, tuple[Edit, ...]]:
    """Moves the statement that keeps the value of `node` to the one method that reads it, where it gets a local name,
    with what it is computed from; the method's name, and the edits.
    """
    from regrad.codemods.engine import moving

    kept = _kept(program, node, path)
    user, uses = _user(program, kept, path)
    statements, stored = _needed(kept)
    attribute = kept.target.attr.lstrip("_")
    name = free_name(program, path, user, (attribute, f"{attribute}_now"))
    if (stored_locally(user) & {each.id for each in _names(statements) if isinstance(each.ctx, ast.Store)}) - {name}:
        raise CannotMove(f"a name that it is computed with means something else in `{user.name}`")
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    rewrite.move(statements, moving.at_start(user))
    rewrite.replace(kept.target, name)
    for use in uses:
        rewrite.replace(use, name)
    for parameter in _names(statements):
        if parameter.id in stored and isinstance(parameter.ctx, ast.Load):
            rewrite.replace(parameter, f"{kept.this}.{stored[parameter.id]}")
    return user.name, rewrite.edits()


def _kept(program: Program, node: ast.AST, path: str) -> _Kept:
    statement = program.statement(node, path)
    if not (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Attribute)
    ):
        raise CannotMove("the value is not kept in an attribute of its own")
    target = statement.targets[0]
    maker = function_around(program, statement, path)
    cls = next((each for each in owners(program, statement, path) if isinstance(each, ast.ClassDef)), None)
    if (
        not isinstance(maker, ast.FunctionDef)
        or cls is None
        or not isinstance(target.value, ast.Name)
        or not maker.args.args
    ):
        raise CannotMove("the value is not computed in a method of a layer")
    this = maker.args.args[0].arg
    if target.value.id != this or not any(statement is other for other in maker.body):
        raise CannotMove("the value is computed in a branch or loop")
    return _Kept(statement, target, maker, cls, this)


def _user(program: Program, kept: _Kept, path: str) -> tuple[ast.FunctionDef, list[ast.Attribute]]:
    """The method that reads the attribute, and where: `call`, or the only one that does."""
    spelled = f"{kept.this}.{kept.target.attr}"
    uses = [
        each
        for each in ast.walk(kept.cls)
        if isinstance(each, ast.Attribute) and each.attr == kept.target.attr and each is not kept.target
    ]
    of_the_weight = _of_the_weight(kept)
    uses = [each for each in uses if each not in of_the_weight]
    if any(
        not (isinstance(use.value, ast.Name) and use.value.id == kept.this and isinstance(use.ctx, ast.Load))
        for use in uses
    ):
        raise CannotMove(f"`{spelled}` is written elsewhere too")
    inside = {id(each) for each in ast.walk(kept.cls)}
    if any(
        isinstance(each, ast.Attribute)
        and each.attr == kept.target.attr
        and id(each) not in inside
        and not (isinstance(each.value, ast.Name) and each.value.id == kept.this)
        for place in program.trees
        for each in program.nodes(place)
    ):
        raise CannotMove(f"`{kept.target.attr}` is read from outside of the class too")
    users = {function_around(program, use, path) for use in uses}
    methods = [each for each in kept.cls.body if isinstance(each, ast.FunctionDef)]
    call = next((each for each in methods if each.name == "call"), None)
    user = users.pop() if len(users) == 1 else call
    if user is None or not isinstance(user, ast.FunctionDef) or not any(user is each for each in methods):
        raise CannotMove("no method of the class reads it")
    if users or user is kept.maker:
        raise CannotMove(f"`{spelled}` is used outside `{user.name}` too")
    if not user.args.args or user.args.args[0].arg != kept.this:
        raise CannotMove(f"`{user.name}` is no method of the layer")
    return user, uses


def _of_the_weight(kept: _Kept) -> set[ast.AST]:
    """Where the attribute still is the weight that the value takes the place of, as in `self.w = tf.exp(self.w)`, or
    is declared.
    """
    if not any(_is_target(each, kept) for each in ast.walk(kept.statement.value)):
        return set()
    before = kept.maker.body[: kept.maker.body.index(kept.statement)]
    declared = [
        each
        for method in kept.cls.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__" and method is not kept.maker
        for each in method.body
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant) and each.value.value is None
    ]
    return {node for each in (*before, kept.statement, *declared) for node in ast.walk(each) if _is_target(node, kept)}


def _is_target(node: ast.AST, kept: _Kept) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == kept.target.attr
        and isinstance(node.value, ast.Name)
        and node.value.id == kept.this
    )


def _needed(kept: _Kept) -> tuple[list[ast.stmt], dict[str, str]]:
    """The statements that make the value, in order, and the parameters of the maker that attributes hold as well."""
    local = stored_locally(kept.maker) - {kept.this}
    needed: list[ast.stmt] = [kept.statement]
    stored: dict[str, str] = {}
    waiting = sorted(loaded(kept.statement.value) & local)
    while waiting:
        name = waiting.pop()
        binding = [
            each
            for each in kept.maker.body
            if isinstance(each, ast.Assign)
            and len(each.targets) == 1
            and isinstance(each.targets[0], ast.Name)
            and each.targets[0].id == name
        ]
        bound = sum(each.id == name and isinstance(each.ctx, ast.Store) for each in _names(kept.maker.body))
        holders = [
            each.targets[0].attr
            for each in kept.maker.body
            if isinstance(each, ast.Assign)
            and isinstance(each.value, ast.Name)
            and each.value.id == name
            and isinstance(each.targets[0], ast.Attribute)
        ]
        if len(binding) == bound == 1:
            if binding[0] not in needed:
                needed.append(binding[0])
                waiting.extend(sorted(loaded(binding[0].value) & local))
        elif not bound and len(holders) == 1:
            stored[name] = holders[0]
        else:
            raise CannotMove(f"it is computed from local names of `{kept.maker.name}`")
    moved = {each.id for each in _names(needed) if isinstance(each.ctx, ast.Store)}
    others = [each for each in kept.maker.body if not any(each is one for one in needed)]
    if moved & {each.id for each in _names(others)}:
        raise CannotMove(f"`{kept.maker.name}` needs what it is computed from as well")
    return sorted(needed, key=lambda each: each.lineno), stored


def _names(statements: list[ast.stmt]) -> list[ast.Name]:
    return [node for each in statements for node in ast.walk(each) if isinstance(node, ast.Name)]
