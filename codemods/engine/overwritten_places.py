"""A number that is written over some places of a tensor's values: which places these are stays a question for NumPy.

A mask notes them instead, by the same indices, and `tf.where` puts the number there. Nothing else changes, whatever the
indices are: slices in a loop, pairs of positions, a condition.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis.callee import called
from regrad.codemods.engine import imports
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import after, before
from regrad.codemods.engine.surroundings import block_of, free_name, function_around, stored_locally

if TYPE_CHECKING:
    from regrad.codemods.engine.from_numpy import Conversion

_COPIES = frozenset({"array", "copy", "numpy"})
_NAMES = ("overwritten", "replaced")


def overwritten_places(conversion: Conversion, node: ast.Subscript, path: str) -> bool:
    """Whether that is what the assignment does, and all others to the same array; the edits are then made."""
    program, name = conversion.program, node.value
    if not isinstance(name, ast.Name) or conversion.ending.sink.kind == "keras":
        return False  # what Keras traces has no shape that NumPy could be told
    function = function_around(program, node, path)
    scope = function if function is not None else program.trees[path]
    numbers = _numbers(scope, name.id)
    bindings = [each for each in ast.walk(scope) if isinstance(each, ast.Assign) and _binds(each, name.id)]
    if not numbers or len(bindings) != 1 or _stores(scope, name.id) != 1:
        return False
    if function is not None and name.id not in stored_locally(function):
        return False
    (bound,) = bindings
    try:
        block = block_of(program, bound, path)
    except CannotMove:
        return False
    start = next(index for index, each in enumerate(block) if each is bound)
    holding = {
        index: [each for each in numbers if any(inner is each for inner in ast.walk(statement))]
        for index, statement in enumerate(block)
        if index > start
    }
    at = [index for index, each in holding.items() if each]
    if not at or sum(map(len, holding.values())) != len(numbers):
        return False
    between = block[start + 1 : at[-1] + 1]
    targets = [each.targets[0] for each in numbers]
    asked = [part for each in targets if isinstance(each, ast.Subscript) for part in ast.walk(each.slice)]
    if any(part in conversion.values for part in asked) or not _read_for_its_shape(between, name.id, targets):
        return False
    if not _is_copy(conversion, bound.value):
        return False
    numpy = imports.spelled(program.trees[path], ["numpy"], bound)
    if numpy is None:
        return False
    file = conversion.file(path)
    mask = free_name(program, path, scope, _NAMES)
    file.insert(f"{mask} = {numpy}.zeros({name.id}.shape, dtype=bool)", before(block[at[0]]))
    for each in numbers:
        assert isinstance(each.targets[0], ast.Subscript)
        file.replace(each.targets[0].value, mask)
        file.replace(each.value, "True")
    number = program.source(numbers[0].value, path)
    file.insert(f"{name.id} = {conversion.say('where', path, node)}({mask}, {number}, {name.id})", after(block[at[-1]]))
    if bound.value not in conversion.values:
        assert isinstance(bound.value, ast.Call) and isinstance(bound.value.func, ast.Attribute)
        file.replace(bound.value, conversion.text(bound.value.func.value, path), bound)
    return True


def places(scope: ast.AST, name: str) -> list[ast.stmt]:
    """The statements that write to places of an array, or delete them."""
    return [
        each
        for each in ast.walk(scope)
        if isinstance(each, ast.stmt) and any(_is_place(part, name) for part in _targets(each))
    ]


def _targets(statement: ast.stmt) -> list[ast.AST]:
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    return [part for each in targets if isinstance(each, ast.expr) for part in ast.walk(each)]


def _numbers(scope: ast.AST, name: str) -> list[ast.Assign]:
    """The assignments to places of an array, if each of them writes the same number; else none."""
    found = places(scope, name)
    plain = [each for each in found if isinstance(each, ast.Assign) and len(each.targets) == 1]
    same = {ast.dump(each.value) for each in plain}
    if len(plain) < len(found) or len(same) != 1 or not all(_is_place(each.targets[0], name) for each in plain):
        return []
    return plain if _is_number(plain[0].value) else []


def _is_place(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, (ast.Store, ast.Del))
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    )


def _is_number(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    return isinstance(inner, ast.Constant) and type(inner.value) in (int, float)


def _binds(statement: ast.Assign, name: str) -> bool:
    target = statement.targets[0]
    return len(statement.targets) == 1 and isinstance(target, ast.Name) and target.id == name


def _stores(scope: ast.AST, name: str) -> int:
    names = [each for each in ast.walk(scope) if isinstance(each, ast.Name) and each.id == name]
    return sum(not isinstance(each.ctx, ast.Load) for each in names)


def _read_for_its_shape(statements: list[ast.stmt], name: str, targets: list[ast.expr]) -> bool:
    """Whether nothing but the shape of the array is read before all numbers stand in it."""
    allowed = {id(each.value) for each in targets if isinstance(each, ast.Subscript)}
    for statement in statements:
        for each in ast.walk(statement):
            if isinstance(each, ast.Call) and called(each) == "len" and len(each.args) == 1:
                allowed.add(id(each.args[0]))
            elif isinstance(each, ast.Attribute) and each.attr == "shape":
                allowed.add(id(each.value))
    names = (each for statement in statements for each in ast.walk(statement) if isinstance(each, ast.Name))
    return all(each.id != name or id(each) in allowed for each in names)


def _is_copy(conversion: Conversion, value: ast.expr) -> bool:
    """Whether the array is one of its own, so that nobody else sees the numbers."""
    if not isinstance(value, ast.Call) or called(value) not in _COPIES or not isinstance(value.func, ast.Attribute):
        return False
    if value in conversion.values:
        return not any(word.arg not in ("dtype", "object") for word in value.keywords)
    return value.func.attr == "copy" and not value.args and not value.keywords
