"""What objects and modules hold by the time that something is called which nothing in the program calls: their numbers,
flags and lists are no longer as they were made.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from regrad.analysis.values import Class, Collection, Constant, Function, Instance, Mapping, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter

_GROWING = frozenset({"append", "extend", "insert", "appendleft", "add"})
_ONCE = frozenset({"__init__", "build", "__post_init__", "__new__"})


def settle(interpreter: Interpreter, names: dict[str, Any], known: set[int]) -> None:
    """Forget what the methods and functions of a program change from call to call, in its objects not `known` as done
    and among the `names` of its module.
    """
    for instances in list(interpreter.instances.values()):
        for instance in instances:
            if id(instance) not in known:
                known.add(id(instance))
                _settle_object(interpreter, instance)
    for value in list(names.values()):
        if isinstance(value, (Function, Class)) and id(value) not in known:
            known.add(id(value))
            for owner, name in _counted_outside(value.node, names):
                _put(interpreter, owner, name, True)


def _settle_object(interpreter: Interpreter, instance: Instance) -> None:
    for name, counts in _changed(instance.cls):
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
            for node in ast.walk(method):
                if isinstance(node, ast.Attribute) and _is(node.value, this) and isinstance(node.ctx, ast.Store):
                    yield node.attr, False
                target = _counted(node)
                if isinstance(target, ast.Attribute) and _is(target.value, this):
                    yield target.attr, True


def _counted_outside(function: ast.AST, names: dict[str, Any]) -> Iterator[tuple[dict[Any, Any], str]]:
    """What a function or a class counts in the module or in a class."""
    declared = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
    for node in ast.walk(function):
        target = _counted(node)
        if isinstance(target, ast.Name) and (
            target.id in declared or not isinstance(node, (ast.Assign, ast.AugAssign))
        ):
            yield names, target.id
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            owner = names.get(target.value.id)
            if isinstance(owner, Class):
                yield owner.fields, target.attr


def _counted(node: ast.AST) -> ast.expr | None:
    """What a statement or call makes larger or smaller, or what holds it."""
    found: ast.expr | None = None
    if isinstance(node, ast.AugAssign):
        found = node.target
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        text = ast.dump(node.targets[0]).replace("Store()", "Load()")
        again = any(isinstance(part, type(node.targets[0])) and ast.dump(part) == text for part in ast.walk(node.value))
        found = node.targets[0] if again else None
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _GROWING:
        found = node.func.value
    while isinstance(found, ast.Subscript):
        found = found.value
    return found


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
