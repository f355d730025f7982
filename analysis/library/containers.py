"""The methods of Python's lists, sets, dictionaries and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regrad.analysis import counting, iteration, layer_names, subscripts
from regrad.analysis.library import texts
from regrad.analysis.values import (
    NONE,
    UNKNOWN,
    Absent,
    Collection,
    Constant,
    Mapping,
    Value,
    WeightList,
    bounded,
    is_none,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter


def method(interpreter: Interpreter, owner: Value, name: str, call: Call) -> Value | None:
    """Methods of lists, dictionaries and texts."""
    if isinstance(owner, Collection):
        return _of_collection(interpreter, owner, name, call)
    if isinstance(owner, Mapping):
        return _of_mapping(interpreter, owner, name, call)
    if isinstance(owner, WeightList):
        return UNKNOWN if name == "copy" else None
    if isinstance(owner, Constant) and isinstance(owner.value, str):
        return texts.method(owner, name, call)
    if isinstance(owner, layer_names.AutomaticName):
        return layer_names.method(owner, name, call)
    return None


_SET_CHANGES = ("difference_update", "intersection_update", "symmetric_difference_update")


def _of_collection(interpreter: Interpreter, owner: Collection, name: str, call: Call) -> Value | None:
    put, fields = interpreter.store.put, owner.fields
    first = call.get(None, 0)
    if name in ("append", "add", "extend", "insert", "appendleft"):
        for value in call.positional:
            subscripts.put_into_either(interpreter, owner, value)
    if name in ("append", "add") and first is not None:
        grown, whole = bounded((*owner.items, first), owner.complete)
        put(fields, "items", grown)
        put(fields, "complete", whole)
        if counting.grows(interpreter, owner):
            # One pass stands for many: what is in it is known, how many there are is not.
            put(fields, "#grown", True)
        return NONE
    if name in ("extend", "update") and first is not None:
        known = iteration.known_elements(interpreter, first)
        if known is not None:
            grown, whole = bounded((*owner.items, *known), owner.complete)
            put(fields, "items", grown)
            put(fields, "complete", whole)
            if iteration.is_grown(first) or counting.grows(interpreter, owner):
                put(fields, "#grown", True)
        elif isinstance(first, WeightList):
            put(fields, "items", owner.with_weights(first))
            put(fields, "complete", False)
        else:
            put(fields, "items", (*owner.items, iteration.element(interpreter, first, call.node)))
            put(fields, "complete", False)
        return NONE
    if name == "insert" and len(call.positional) == 2:
        where = call.positional[0]
        items = list(owner.items)
        if isinstance(where, Constant) and isinstance(where.value, int):
            items.insert(where.value, call.positional[1])
        else:
            items.append(call.positional[1])
            put(fields, "complete", False)
        put(fields, "items", tuple(items))
        return NONE
    if name == "pop":
        position = call.get(None, 0)
        index = (
            position.value
            if isinstance(position, Constant) and isinstance(position.value, int)
            else -1
            if position is None
            else None
        )
        if index is not None and owner.complete and -len(owner.items) <= index < len(owner.items):
            items = list(owner.items)
            taken = items.pop(index)
            put(fields, "items", tuple(items))
            return taken
        put(fields, "complete", False)
        return iteration.element(interpreter, owner, call.node)
    if name == "clear":
        put(fields, "items", ())
        put(fields, "complete", True)
        return NONE
    if name in ("remove", "sort", "reverse", "discard", *_SET_CHANGES):
        if name == "reverse":
            put(fields, "items", owner.items[::-1])
        else:
            put(fields, "complete", False)
        return NONE
    if name == "copy":
        return Collection(owner.kind, owner.items, owner.complete, owner.node, owner.grown)
    return UNKNOWN


def _of_mapping(interpreter: Interpreter, owner: Mapping, name: str, call: Call) -> Value | None:
    put, fields = interpreter.store.put, owner.fields
    key = call.get(None, 0)
    if name == "items":
        rows = tuple(
            Collection("tuple", (Constant(k) if not isinstance(k, tuple) else UNKNOWN, v))
            for k, v in owner.entries.items()
        )
        return Collection("list", rows, owner.complete, call.node)
    if name == "values":
        return Collection("list", tuple(owner.entries.values()), owner.complete, call.node)
    if name == "keys":
        known = tuple(Constant(each) for each in owner.entries if not isinstance(each, tuple))
        return Collection("list", known, owner.complete and len(known) == len(owner.entries), call.node)
    if name in ("get", "pop", "setdefault"):
        default = call.get(None, 1)
        if isinstance(key, Constant):
            try:
                found = owner.entries.get(key.value)
            except TypeError:
                return UNKNOWN
            if found is not None:
                if name == "pop":
                    interpreter.store.delete(owner.entries, key.value)
                return found
            if owner.complete:
                if name == "setdefault" and default is not None:
                    put(owner.entries, key.value, default)
                if name == "get" and isinstance(key.value, str) and (default is None or is_none(default)):
                    return Absent(call.node, owner, key.value)
                return default if default is not None else NONE
        return interpreter.unknown("element", "", (owner,))
    if name == "update":
        other = call.get(None, 0)
        entries: dict[Any, Value] = dict(call.keywords)
        if isinstance(other, Mapping):
            entries = {**other.entries, **entries}
            put(fields, "complete", owner.complete and other.complete)
        elif other is not None:
            put(fields, "complete", False)
        for name_of_entry, value in entries.items():
            put(owner.entries, name_of_entry, value)
        return NONE
    if name == "copy":
        return Mapping(dict(owner.entries), owner.complete, owner.node)
    return UNKNOWN
