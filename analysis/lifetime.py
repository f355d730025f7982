"""What objects and modules hold by the time that something is called which nothing in the program calls: their numbers,
flags and lists are no longer as they were made.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from regrad.analysis.values import Class, Collection, Constant, Function, Instance, Mapping, Value

if TYPE_CHECKING:
    from regrad.analysis.frames import Frame
    from regrad.analysis.interpreter import Interpreter

_GROWING = frozenset({"append", "extend", "insert", "appendleft", "add"})
_ONCE = frozenset({"__init__", "build", "__post_init__", "__new__"})


def settle(interpreter: Interpreter, frame: Frame, known: set[int]) -> None:
    """Forget what the methods and functions of a program change from call to call, in its objects not `known` as done
    and among the names of the module of the frame.
    """
    for instances in list(interpreter.instances.values()):
        new = [instance for instance in instances if id(instance) not in known]
        known.update(map(id, new))
        changed = list(_changed(new[0].cls)) if new else []
        for instance in new:
            _settle_object(interpreter, instance, changed)
    names = frame.scope.names
    for value in list(names.values()):
        if isinstance(value, (Function, Class)) and value.module == frame.path and id(value) not in known:
            known.add(id(value))
            for owner, name in _counted_outside(value.node, names):
                _put(interpreter, owner, name, True)


def _settle_object(interpreter: Interpreter, instance: Instance, changed: list[tuple[str, bool]]) -> None:
    for name, counts in changed:
        # What Keras itself reads of a layer is told by the events that set it.
        if counts or instance.role is None:
            _put(interpreter, instance.fields, name, counts)


def _put(interpreter: Interpreter, fields: dict[Any, Any], name: str, counts: bool) -> None:
    later = _later(interpreter, fields.get(name), counts)
    if later is not None:
        interpreter.store.put(fields, name, later)


def _later(interpreter: Interpreter, value: object, counts: bool) -> Value | None:
    """What stands for it at any time; None where it is none of what counts."""
    if isinstance(value, Constant) and isinstance(value.value, (bool, int, float)):
        return interpreter.unknown("count")
    if isinstance(value, Collection) and value.kind == "list" and counts:
        return Collection("list", (*value.items, interpreter.unknown("element")), False, value.node, grown=True)
    if isinstance(value, Mapping) and counts:
        entries = {key: _later(interpreter, entry, counts) or entry for key, entry in value.entries.items()}
        return Mapping(entries, value.complete, value.node)
    return None


def _changed(cls: Class) -> Iterator[tuple[str, bool]]:
    """The attributes that methods write after the object was made, and whether they count or grow there."""
    for each in cls.ancestry():
        for method in each.node.body:
            if not isinstance(method, ast.FunctionDef) or method.name in _ONCE or not method.args.args:
                continue
            this = method.args.args[0].arg
            for statement in _statements(method):
                for target in _targets(statement):
                    if isinstance(target, ast.Attribute) and _is(target.value, this):
                        yield target.attr, False
                counted = _counted(statement)
                if isinstance(counted, ast.Attribute) and _is(counted.value, this):
                    yield counted.attr, True


def _counted_outside(function: ast.AST, names: dict[str, Any]) -> Iterator[tuple[dict[Any, Any], str]]:
    """What a function or a class counts in the module or in a class."""
    statements = list(_statements(function))
    declared = {name for each in statements if isinstance(each, ast.Global) for name in each.names}
    for statement in statements:
        target = _counted(statement, declared)
        if isinstance(target, ast.Name):
            yield names, target.id
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            owner = names.get(target.value.id)
            if isinstance(owner, Class):
                yield owner.fields, target.attr


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements in a function or class, those of inner ones included."""
    for field in ("body", "orelse", "finalbody", "handlers"):
        inside = getattr(node, field, None)
        # A lambda has an expression there.
        for inner in inside if isinstance(inside, list) else ():
            if isinstance(inner, ast.stmt):
                yield inner
            yield from _statements(inner)


def _targets(statement: ast.stmt) -> Iterator[ast.AST]:
    """What a statement binds, with the parts of each target."""
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from ast.walk(target)
    elif isinstance(statement, (ast.AugAssign, ast.AnnAssign, ast.For)):
        yield from ast.walk(statement.target)
    elif isinstance(statement, ast.With):
        for item in statement.items:
            yield from ast.walk(item.optional_vars) if item.optional_vars is not None else ()


def _counted(statement: ast.stmt, declared: AbstractSet[str] = frozenset()) -> ast.expr | None:
    """What a statement makes larger or smaller, or what holds it: a name only where it is `declared` global, or where
    a list grows.
    """
    if isinstance(statement, ast.Expr):
        call = statement.value
        grows = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _GROWING
        return _held(call.func.value) if grows else None  # type: ignore[attr-defined]
    if isinstance(statement, ast.AugAssign):
        target: ast.expr = statement.target
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    else:
        return None
    holder = _held(target)
    if isinstance(holder, ast.Name) and holder.id not in declared:
        return None
    if isinstance(statement, ast.Assign) and not any(_alike(part, target) for part in ast.walk(statement.value)):
        return None
    return holder


def _held(target: ast.expr) -> ast.expr:
    """What an element stands in."""
    while isinstance(target, ast.Subscript):
        target = target.value
    return target


def _alike(one: ast.AST, other: ast.AST) -> bool:
    """Whether both name the same place, one to read and one to write."""
    if isinstance(one, ast.Name) and isinstance(other, ast.Name):
        return one.id == other.id
    if isinstance(one, ast.Attribute) and isinstance(other, ast.Attribute):
        return one.attr == other.attr and _alike(one.value, other.value)
    if isinstance(one, ast.Subscript) and isinstance(other, ast.Subscript):
        return _alike(one.value, other.value) and ast.dump(one.slice) == ast.dump(other.slice)
    return False


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
