"""Whether an abstract value is true: True, False, or None where it cannot be said."""

from __future__ import annotations

from regrad.analysis.values import (
    BoundMethod,
    Class,
    Collection,
    Constant,
    External,
    Function,
    Instance,
    Layer,
    Loss,
    Mapping,
    Metric,
    Module,
    Network,
    Optimizer,
    Tape,
    Unknown,
    Value,
)

_OBJECTS = frozenset({"initializers", "regularizers", "constraints", "losses", "metrics", "optimizers", "schedules"})
"""Modules of Keras in which a name with a capital letter is a class, whose objects are never false."""


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
    if isinstance(value, (Function, BoundMethod, Class, Module, Layer, Network, Tape, Loss, Metric, Optimizer)):
        return True
    if isinstance(value, Unknown):
        return True if _is_a_keras_object(value) else None
    if isinstance(value, Instance):
        return None if value.cls.find("__bool__") or value.cls.find("__len__") else True
    return None


def _is_a_keras_object(value: Unknown) -> bool:
    """Whether it is an initializer, a regularizer or their like, of which every object counts as true."""
    callee = value.operation.callee if value.operation is not None else None
    if not isinstance(callee, External):
        return False
    *modules, name = callee.name.split(".")
    return name[:1].isupper() and not _OBJECTS.isdisjoint(modules)
