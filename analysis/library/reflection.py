"""Python's questions about a value: of which class it is, which attributes it has, whether it can be called."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from regrad.analysis import attributes
from regrad.analysis.library import records
from regrad.analysis.truth import can_be_called
from regrad.analysis.values import (
    NONE,
    UNKNOWN,
    Absent,
    Class,
    Collection,
    Constant,
    External,
    Instance,
    Layer,
    Mapping,
    Network,
    Tensor,
    Unknown,
    Value,
    Variable,
    is_none,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler


def _is_instance(interpreter: Interpreter, name: str, call: Call) -> Value:
    value, kinds = call.get(None, 0), call.get(None, 1)
    names: list[Value] = list(kinds.items) if isinstance(kinds, Collection) else [kinds] if kinds is not None else []
    if not names or value is None:
        return UNKNOWN
    known = True
    for kind in names:
        if isinstance(kind, Class) and isinstance(value, Instance):
            if kind in value.cls.ancestry():
                return Constant(True, call.node)
        elif isinstance(kind, External):
            answer = _is_external(value, kind.name)
            if answer is True:
                return Constant(True, call.node)
            if answer is None:
                known = False
        else:
            known = (
                known and isinstance(value, (Constant, Collection, Mapping, Layer, Tensor)) and isinstance(kind, Class)
            )
    return Constant(False, call.node) if known and not isinstance(value, (Unknown,)) else UNKNOWN


def _is_external(value: Value, name: str) -> bool | None:
    last = name.rpartition(".")[2]
    if name.startswith("builtins."):
        if isinstance(value, Collection):
            return value.kind == last
        if isinstance(value, Mapping):
            return last == "dict"
        if isinstance(value, Constant):
            kind = getattr(builtins, last, None)
            return isinstance(value.value, kind) if isinstance(kind, type) else None
        if isinstance(value, (Layer, Network, Tensor, Variable, Instance)):
            return False if last in ("int", "float", "str", "list", "tuple", "dict", "bool", "set") else None
        return None
    if isinstance(value, Layer) and name.startswith("keras.layers."):
        if last == "Layer":
            return True
        return value.kind == last if value.kind in _known_layers() else None
    if isinstance(value, Instance) and name in ("keras.Model", "keras.layers.Layer"):
        return value.role == "model" or (name == "keras.layers.Layer" and value.role == "layer")
    if isinstance(value, Network) and name in ("keras.Model", "keras.layers.Layer"):
        return True
    if isinstance(value, Network) and name.startswith("keras.layers.") and value.form != "opaque":
        return False
    return None


def _known_layers() -> dict[str, str]:
    from regrad.analysis.library.keras_layers import LAYERS

    return LAYERS


def _callable(interpreter: Interpreter, name: str, call: Call) -> Value:
    found = can_be_called(call.positional[0]) if call.positional else None
    return UNKNOWN if found is None else Constant(found, call.node)


def _super(interpreter: Interpreter, name: str, call: Call) -> Value:
    frame = interpreter.frame
    this = frame.this
    if len(call.positional) == 2:
        this = call.positional[1]
        first = call.positional[0]
        return attributes.Super(this, first if isinstance(first, Class) else None)
    if this is None:
        return UNKNOWN
    return attributes.Super(this, frame.function.owner if frame.function is not None else None)


def _get_attribute(interpreter: Interpreter, name: str, call: Call) -> Value:
    owner, key, default = call.get(None, 0), call.get(None, 1), call.get(None, 2)
    if owner is not None and isinstance(key, Constant) and isinstance(key.value, str):
        if default is not None and isinstance(owner, Instance) and attributes.lacks(owner, key.value):
            return Absent(call.node, owner, key.value) if is_none(default) else default
        return attributes.read(interpreter, owner, key.value, call.node)
    return interpreter.unknown("attribute", "", tuple(call.positional[:1]))


def _has_attribute(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`hasattr` where it is certain: what was set or is defined here, and `layers`, by which models in models are told
    from plain layers.
    """
    owner, key = call.get(None, 0), call.get(None, 1)
    wanted = key.value if isinstance(key, Constant) else None
    if not isinstance(wanted, str):
        return UNKNOWN
    if isinstance(owner, Instance) and (wanted in owner.fields or owner.cls.find(wanted) is not None):
        return Constant(True, call.node)
    if wanted == "layers":
        if isinstance(owner, Network):
            return Constant(True, call.node)
        if isinstance(owner, Layer) and owner.kind in _known_layers():
            return Constant(False, call.node)
    return UNKNOWN


def _set_attribute(interpreter: Interpreter, name: str, call: Call) -> Value:
    import ast

    owner, key, value = call.get(None, 0), call.get(None, 1), call.get(None, 2)
    if owner is not None and value is not None and isinstance(key, Constant) and isinstance(key.value, str):
        node = (
            call.node
            if isinstance(call.node, ast.Attribute)
            else ast.copy_location(ast.Attribute(ast.Name("_", ast.Load()), key.value, ast.Store()), call.node)
        )
        attributes.write(interpreter, owner, key.value, value, node)
    else:
        records.forget(interpreter, owner)
    return NONE


def _type(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get(None, 0)
    return value.cls if isinstance(value, Instance) else UNKNOWN


FUNCTIONS: dict[str, Handler] = {
    "builtins.isinstance": _is_instance,
    "builtins.callable": _callable,
    "builtins.super": _super,
    "builtins.getattr": _get_attribute,
    "builtins.setattr": _set_attribute,
    "builtins.hasattr": _has_attribute,
    "builtins.type": _type,
}
