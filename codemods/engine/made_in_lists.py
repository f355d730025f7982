"""What a layer computes once for a list of its own, computed in the loop that goes through the list, each time anew.

The list then keeps what the value is made of, as a tuple, and the loop makes the value.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import function_around, loaded, owners, stored_locally

_WEIGHTS = ("add_weight", "Variable")
_PAIRING = ("zip", "enumerate", "reversed")


class _Made(NamedTuple):
    """`name = expression` in the method that fills the list, and the names that the expression reads there."""

    statement: ast.Assign
    name: str
    maker: ast.FunctionDef
    parts: tuple[str, ...]


class _Loop(NamedTuple):
    """The loop that goes through the list, and what it calls an element."""

    user: ast.FunctionDef
    statement: ast.For
    element: ast.Name


def into_loop(program: Program, node: ast.AST, path: str) -> tuple[str, tuple[Edit, ...]]:
    """The method that goes through the list, and the edits; raises `CannotMove`."""
    from regrad.codemods.engine import moving

    made, cls = _made(program, node, path)
    appended, attribute = _kept_in(made)
    loop = _loop(cls, made, attribute)
    taken = stored_locally(loop.user) | loaded(loop.user)
    if taken & set(made.parts):
        raise CannotMove(f"`{loop.user.name}` uses the names that it is computed with for other things")
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    element, parts = loop.element.id, ", ".join(made.parts)
    alone = len(_bindings(made)) == 1
    if alone and len(made.parts) == 1:
        rewrite.replace(appended.args[0], parts)
    else:
        kept = f"({parts},)" if len(made.parts) == 1 else f"({parts})"
        rewrite.insert(f"{made.name} = {kept}", moving.before(made.statement))
    if alone:
        bare = len(made.parts) == 1 or loop.element is loop.statement.target
        rewrite.replace(loop.element, parts if bare else f"({parts})")
        rewrite.move([made.statement], moving.at_start(loop.statement))
    else:
        # The list holds weights as they are as well.
        lead = f"{parts}, = {element}" if len(made.parts) == 1 else f"{parts} = {element}"
        header = f"if isinstance({element}, tuple):"
        rewrite.wrap([made.statement], header, lead=lead, place=moving.at_start(loop.statement))
    if element != made.name:
        rewrite.replace(made.statement.targets[0], element)
    return loop.user.name, rewrite.edits()


def _made(program: Program, node: ast.AST, path: str) -> tuple[_Made, ast.ClassDef]:
    statement = program.statement(node, path)
    maker = function_around(program, node, path)
    cls = next((each for each in owners(program, node, path) if isinstance(each, ast.ClassDef)), None)
    target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
    if cls is None or not isinstance(maker, ast.FunctionDef) or not isinstance(statement, ast.Assign):
        raise CannotMove("the value is not computed in a method of a layer")
    if not isinstance(target, ast.Name):
        raise CannotMove("the value has no plain name")
    local = stored_locally(maker) | {each.arg for each in maker.args.args[1:]}
    order = [each.id for each in ast.walk(statement.value) if isinstance(each, ast.Name) and each.id in local]
    parts = tuple(dict.fromkeys(order))
    if not parts:
        raise CannotMove("it is computed from no name of its own")
    weights = [part for part in parts if _weighs(maker, part)]
    if not weights or any(part not in weights and not _counts(maker, part) for part in parts):
        raise CannotMove("what it is computed from is not made of weights alone")
    return _Made(statement, target.id, maker, parts), cls


def _weighs(maker: ast.FunctionDef, name: str) -> bool:
    """Whether the name is bound once, to a weight."""
    bound = [each for each in _assignments(maker) if any(name in _stored(target) for target in each.targets)]
    return len(bound) == 1 and _is_weight(bound[0].value)


def _is_weight(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and called(value) in _WEIGHTS


def _counts(maker: ast.FunctionDef, name: str) -> bool:
    """Whether the name is that of a loop's variable or of a parameter, which hold no weight."""
    loops = (each for each in ast.walk(maker) if isinstance(each, ast.For))
    return any(name in _stored(loop.target) for loop in loops) and not any(
        name in _stored(target) for each in _assignments(maker) for target in each.targets
    )


def _assignments(scope: ast.AST) -> Iterator[ast.Assign]:
    return (each for each in ast.walk(scope) if isinstance(each, ast.Assign))


def _stored(target: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(target) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _appended(made: _Made) -> list[tuple[ast.Call, str]]:
    """Every `self.list.append(name)` of the maker, and the attribute that holds the list."""
    this = made.maker.args.args[0].arg
    found: list[tuple[ast.Call, str]] = []
    for call in ast.walk(made.maker):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "append":
            holder = call.func.value
            if isinstance(holder, ast.Attribute) and isinstance(holder.value, ast.Name) and holder.value.id == this:
                found.append((call, holder.attr))
    return found


def _kept_in(made: _Made) -> tuple[ast.Call, str]:
    """The list that the value goes into, which is all that is done with it, and where it does."""
    own = [(call, name) for call, name in _appended(made) if _is_name(call.args, made.name)]
    uses = [
        each
        for each in ast.walk(made.maker)
        if isinstance(each, ast.Name) and each.id == made.name and isinstance(each.ctx, ast.Load)
    ]
    if len(own) != 1 or len(uses) != 1:
        raise CannotMove(f"`{made.name}` is not only put into a list of the layer")
    if sum(name == own[0][1] for _, name in _appended(made)) != 1:
        raise CannotMove("other things are put into the list elsewhere")
    others = [each for each in _bindings(made) if each is not made.statement]
    if not all(_is_weight(each.value) for each in others):
        raise CannotMove("what else is put into the list is not known to be a weight")
    return own[0]


def _is_name(arguments: list[ast.expr], name: str) -> bool:
    return len(arguments) == 1 and isinstance(arguments[0], ast.Name) and arguments[0].id == name


def _bindings(made: _Made) -> list[ast.Assign]:
    return [each for each in _assignments(made.maker) if any(made.name in _stored(one) for one in each.targets)]


def _loop(cls: ast.ClassDef, made: _Made, attribute: str) -> _Loop:
    """The one place that reads the list: a loop over it, alone or beside other lists."""
    this = made.maker.args.args[0].arg
    methods = [each for each in cls.body if isinstance(each, ast.FunctionDef)]
    filling = {id(call.func.value) for call, _ in _appended(made) if isinstance(call.func, ast.Attribute)}
    readers = [
        (method, each)
        for method in methods
        for each in ast.walk(method)
        if isinstance(each, ast.Attribute) and each.attr == attribute and isinstance(each.ctx, ast.Load)
        if id(each) not in filling
    ]
    if len(readers) != 1 or readers[0][0] is made.maker or readers[0][0].args.args[0].arg != this:
        raise CannotMove(f"`{this}.{attribute}` is read in several places, or in none")
    user, read = readers[0]
    for loop in ast.walk(user):
        if isinstance(loop, ast.For):
            element = _element(loop.target, loop.iter, read)
            if element is not None:
                return _Loop(user, loop, element)
    raise CannotMove(f"no loop goes through `{this}.{attribute}`")


def _element(target: ast.expr, iterated: ast.expr, read: ast.Attribute) -> ast.Name | None:
    """What the loop calls the elements of the list that is read."""
    if iterated is read:
        return target if isinstance(target, ast.Name) else None
    if not isinstance(iterated, ast.Call) or not isinstance(iterated.func, ast.Name):
        return None
    if iterated.func.id not in _PAIRING:
        return None
    if iterated.func.id == "reversed":
        return _element(target, iterated.args[0], read) if len(iterated.args) == 1 else None
    if not isinstance(target, ast.Tuple):
        return None
    inner = target.elts[1:] if iterated.func.id == "enumerate" else target.elts
    for one, argument in zip(inner, iterated.args, strict=False):
        found = _element(one, argument, read)
        if found is not None:
            return found
    return None
