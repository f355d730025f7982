"""Copies of plain data: `copy.copy` of a list or dictionary, and `copy.deepcopy` of all that is inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regrad.analysis import calls
from regrad.analysis.values import (
    UNKNOWN,
    Class,
    Collection,
    Constant,
    External,
    Function,
    Instance,
    Mapping,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

_DEEPEST = 8


def _copy(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`copy.copy(value)`: what is put into the copy later is not in the original."""
    value = call.get("x", 0) or UNKNOWN
    if isinstance(value, Mapping):
        return Mapping(dict(value.entries), value.complete, value.node)
    if isinstance(value, Collection):
        return _holding(value, value.items)
    if isinstance(value, Instance) and _is_plain(value):
        return _record(interpreter, value, call, dict(value.fields))
    return value


def _deep_copy(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`copy.deepcopy(value)` of data; unknown where anything in it is more than that, as a layer is."""
    copied = _copied(interpreter, call.get("x", 0) or UNKNOWN, call, 0)
    return copied if copied is not None else calls.unknown_call(interpreter, External(name), call)


def _copied(interpreter: Interpreter, value: Value, call: Call, depth: int) -> Value | None:
    if isinstance(value, (Constant, External, Function, Class)) or (isinstance(value, Unknown) and depth):
        return value
    if depth > _DEEPEST:
        return None
    if isinstance(value, Mapping):
        entries = {key: _copied(interpreter, part, call, depth + 1) for key, part in value.entries.items()}
        known = {key: part for key, part in entries.items() if part is not None}
        return Mapping(known, value.complete, value.node) if len(known) == len(entries) else None
    if isinstance(value, Collection):
        items = tuple(_copied(interpreter, item, call, depth + 1) for item in value.items)
        whole = tuple(item for item in items if item is not None)
        return _holding(value, whole) if len(whole) == len(items) else None
    if isinstance(value, Instance) and _is_plain(value):
        fields = {
            key: _copied(interpreter, part, call, depth + 1) if isinstance(part, Value) else part
            for key, part in value.fields.items()
        }
        return None if None in fields.values() else _record(interpreter, value, call, fields)
    return None


def _is_plain(value: Instance) -> bool:
    """Whether it is a record of the program that decides nothing about its copies itself."""
    return value.role is None and not any(value.cls.find(name) for name in ("__copy__", "__deepcopy__", "__reduce__"))


def _record(interpreter: Interpreter, value: Instance, call: Call, fields: dict[str, Any]) -> Instance:
    made = Instance(value.cls, value.role, call.node, interpreter.frame, interpreter.tick())
    interpreter.instances.setdefault(id(value.cls), []).append(made)
    made.fields.update(fields)
    return made


def _holding(like: Collection, items: tuple[Value, ...]) -> Collection:
    """A new list that is known as well as another."""
    made = Collection(like.kind, items, like.complete, like.node, like.grown)
    if like.tail is not None:
        made.fields["#tail"] = like.tail
    return made


FUNCTIONS: dict[str, Handler] = {"copy.copy": _copy, "copy.deepcopy": _deep_copy}
