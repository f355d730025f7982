"""Objects that Keras does not look into when it collects the weights of a model, and what they hold.

Measured on Keras 3.15 and tf_keras 2.21: layers and variables in lists, tuples, dictionaries and their
subclasses are found at any depth; those that an ordinary object holds are not, and Keras 3 does not look into a
`tf.Module` either.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import freshness, intentions
from regrad.analysis.library.keras_layers import WEIGHTED
from regrad.analysis.program import Program
from regrad.analysis.values import (
    Collection,
    Constant,
    Instance,
    Layer,
    Mapping,
    Network,
    Tensor,
    Unknown,
    Value,
    Variable,
)
from regrad.analysis.weights import sublayers

_SAME = frozenset({"zeros", "ones", "fill", "eye", "zeros_like", "ones_like", "full"})
_COLLECTING = frozenset({"trainable_variables", "trainable_weights", "variables", "weights"})
_COLLECTORS = frozenset(
    {"_trainable_variables", "_trainable_weights", "_track_variable", "track_variable", "_tracker", "_track_trackable"}
)


class Held(NamedTuple):
    """A weighted layer or a variable that only an ordinary object holds, and the model that holds this object."""

    part: Value
    holder: Instance
    owner: Value


def held_out_of_sight(owner: Value, keras: int | None) -> Iterator[Held]:
    """The weighted parts below `owner` that Keras does not find, in the order in which they are held."""
    found: list[Held] = []
    tracked: set[int] = set()
    seen: set[int] = set()
    stack: list[tuple[Value, Instance | None, Value]] = [(owner, None, owner)]
    while stack:
        value, holder, above = stack.pop(0)
        if id(value) in seen and holder is not None:
            continue
        seen.add(id(value))
        if isinstance(value, Collection | Mapping):
            items = value.items if isinstance(value, Collection) else tuple(value.entries.values())
            stack.extend((item, holder, above) for item in items)
        elif isinstance(value, Instance):
            inner = holder
            if holder is None and value is not owner and _out_of_sight(value, keras):
                inner = value
            elif holder is None:
                tracked.add(id(value))
            if inner is not None and not inner.cls.bases_known():
                continue
            parent = above if inner is not None else value
            fields = [each for name, each in value.fields.items() if not name.startswith("#")]
            stack.extend((each, inner, parent) for each in fields if isinstance(each, Value))
        elif isinstance(value, Layer | Network | Variable):
            if holder is None:
                tracked.add(id(value))
                stack.extend((each, None, value) for each in sublayers(value) if id(each) not in seen)
            elif isinstance(value, Variable):
                if value.maker == "tf.Variable" and value.owner is None:
                    found.append(Held(value, holder, above))
            elif isinstance(value, Layer) and value.kind in WEIGHTED:
                found.append(Held(value, holder, above))
    yield from (each for each in found if id(each.part) not in tracked)


def _out_of_sight(value: Instance, keras: int | None) -> bool:
    return value.role is None or (value.role == "module" and keras != 2)


def made_to_stay(program: Program, variable: Variable) -> bool:
    """Whether it starts from what the program read or computed, as a mean of the inputs does, or is random for good."""
    return not _made_up(variable.initial) or intentions.random_meant(program)


def _made_up(value: Value | None) -> bool:
    """Whether numbers are drawn, or written out, or all the same, whatever the data are."""
    if isinstance(value, Constant):
        return True
    if isinstance(value, Collection):
        return value.complete and all(_made_up(each) for each in value.items)
    if isinstance(value, Unknown):
        operation = value.operation
        return operation is not None and any(freshness.is_random(each) for each in (value, operation.callee) if each)
    if not isinstance(value, Tensor):
        return False
    if freshness.is_random(value) or value.operation.name in _SAME:
        return True
    return bool(value.operation.inputs) and all(_made_up(each) for each in value.operation.inputs)


def collected_by_hand(program: Program) -> bool:
    """Whether the program itself says which weights a model has."""
    return any(
        (isinstance(node, ast.FunctionDef) and node.name in _COLLECTING)
        or (isinstance(node, ast.Attribute) and node.attr in _COLLECTORS)
        for tree in program.trees.values()
        for node in ast.walk(tree)
    )
