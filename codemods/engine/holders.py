"""Objects that Keras does not look into when it collects the weights of a model, and what they hold.

Measured on Keras 3.15 and tf_keras 2.21: layers in lists, tuples, dictionaries and their subclasses are found at any
depth; those that an ordinary object holds are not, and Keras 3 does not look into a `tf.Module` either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.library.keras_layers import WEIGHTED
from regrad.analysis.values import Collection, Instance, Layer, Mapping, Network, Value, Variable
from regrad.analysis.weights import sublayers


class Held(NamedTuple):
    """A weighted part that only an ordinary object holds, and the model that holds this object."""

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
            elif isinstance(value, Layer) and value.kind in WEIGHTED:
                found.append(Held(value, holder, above))
    yield from (each for each in found if id(each.part) not in tracked)


def _out_of_sight(value: Instance, keras: int | None) -> bool:
    return value.role is None or (value.role == "module" and keras != 2)
