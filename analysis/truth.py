"""Whether an abstract value is true: True, False, or None where it cannot be said."""

from __future__ import annotations

from regrad.analysis.values import (
    BoundMethod,
    Class,
    Collection,
    Constant,
    Function,
    Instance,
    Layer,
    Mapping,
    Module,
    Network,
    Tape,
    Value,
)


def truth(value: Value) -> bool | None:
    """The truth of a value as Python would see it."""
    if isinstance(value, Constant):
        try:
            return bool(value.value)
        except Exception:
            return None
    if isinstance(value, Collection):
        if value.items:
            return True
        return False if value.complete else None
    if isinstance(value, Mapping):
        if value.entries:
            return True
        return False if value.complete else None
    if isinstance(value, (Function, BoundMethod, Class, Module, Layer, Network, Tape)):
        return True
    if isinstance(value, Instance):
        return None if value.cls.find("__bool__") or value.cls.find("__len__") else True
    return None
