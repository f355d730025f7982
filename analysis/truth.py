"""Whether an abstract value is true, and whether it can be called: True, False, or None where it cannot be said."""

from __future__ import annotations

import ast

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
    Partial,
    Tape,
    Tensor,
    Unknown,
    Value,
    Variable,
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


def can_be_called(value: Value) -> bool | None:
    """What `callable(value)` would say."""
    if isinstance(value, (Function, BoundMethod, Class, Partial, Layer, Network, Loss, Metric)):
        return True
    if isinstance(value, (Collection, Mapping, Tensor, Variable)):
        return False
    if isinstance(value, Constant):
        # A type of numbers is a text here as well, and `numpy.float32` can be called.
        return None if isinstance(value.value, str) and not isinstance(value.node, ast.Constant) else False
    if isinstance(value, Instance):
        if value.cls.find("__call__") or value.role in ("model", "layer", "loss", "metric", "initializer"):
            return True
        plain = value.role is None and value.cls.bases_known() and not value.cls.external_bases()
        return False if plain else None
    return None


def _is_a_keras_object(value: Unknown) -> bool:
    """Whether it is an initializer, a regularizer or their like, of which every object counts as true."""
    callee = value.operation.callee if value.operation is not None else None
    if not isinstance(callee, External):
        return False
    *modules, name = callee.name.split(".")
    return name[:1].isupper() and not _OBJECTS.isdisjoint(modules)
