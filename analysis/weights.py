"""Which weights a layer or model has, which of them Keras would train, and what setting `trainable` does to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from regrad.analysis.library.keras_layers import WEIGHTLESS, WRAPPERS
from regrad.analysis.values import (
    MOST_ITEMS,
    Collection,
    Constant,
    Instance,
    Layer,
    Mapping,
    Metric,
    Network,
    Optimizer,
    Tensor,
    Union_,
    Unknown,
    Value,
    Variable,
    WeightList,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter

ATTRIBUTES = frozenset(
    {
        "trainable_variables",
        "trainable_weights",
        "variables",
        "weights",
        "non_trainable_variables",
        "non_trainable_weights",
        "_trainable_variables",
        "_trainable_weights",
    }
)


@dataclass
class Weights:
    """The weights found: `trained` and `frozen` ones; `complete` False where there may be others; `built` False where
    some do not exist yet, those of `unbuilt` among them.
    """

    trained: list[Value] = field(default_factory=list)
    frozen: list[Value] = field(default_factory=list)
    complete: bool = True
    built: bool = True
    unbuilt: list[Layer] = field(default_factory=list)

    @property
    def all(self) -> list[Value]:
        return [*self.trained, *self.frozen]


def flag(value: Value) -> bool | None:
    """The `trainable` flag of a layer, model or variable: True, False or not known."""
    if not isinstance(value, (Layer, Network, Instance, Variable)):
        return None
    stated = value.fields.get("trainable")
    if stated is None:
        return True
    if isinstance(stated, Constant):
        return bool(stated.value)
    return None


def sublayers(value: Value) -> list[Any]:
    """The layers, models and variables directly inside a layer or model, as Keras tracks them."""
    if isinstance(value, Layer):
        found: list[Any] = []
        for name in WRAPPERS.get(value.kind, ()):
            inner = value.arguments.get(name)
            if isinstance(inner, Collection):
                found.extend(inner.items)
            elif inner is not None:
                found.append(inner)
        return found
    if isinstance(value, Network):
        layers = value.fields.get("layers")
        return list(layers) if layers is not None else []
    if isinstance(value, Instance):
        inside: list[Any] = []
        for name, attribute in value.fields.items():
            if name == "trainable" or name.startswith("#") or (name == "optimizer" and isinstance(attribute, Unknown)):
                continue
            _gather(attribute, inside, 0)
        return inside
    return []


def _gather(value: Any, into: list[Any], depth: int) -> None:
    if isinstance(value, (Layer, Network, Variable)):
        into.append(value)
    elif isinstance(value, Instance):
        if value.role in ("model", "layer", "module", "library"):
            into.append(value)
    elif isinstance(value, (Collection, Mapping)) and depth < 6 and len(into) < MOST_ITEMS:
        parts = value.items if isinstance(value, Collection) else tuple(value.entries.values())
        for part in parts:
            _gather(part, into, depth + 1)
        if not value.complete:
            into.append(Unknown("element", "", (value,)))
    elif isinstance(value, Union_):
        for alternative in value.alternatives:
            _gather(alternative, into, depth + 1)
    elif isinstance(value, Unknown):
        into.append(value)


def collect(interpreter: Interpreter, owner: Value) -> Weights:
    """All weights of a layer, model or module of the program."""
    weights = Weights()
    # Keras 3 asks the flag of the model itself and that of each weight, not those of the models between them.
    between = interpreter.keras != 3 or flag(owner) is False
    _collect(interpreter, owner, True, between, weights, set())
    return weights


def _collect(
    interpreter: Interpreter, owner: Value, trainable: bool, between: bool, weights: Weights, seen: set[int]
) -> None:
    if id(owner) in seen:
        return
    seen.add(id(owner))
    state = flag(owner)
    here = trainable and state is not False
    if not between and isinstance(owner, Layer) and state is True and "trainable" in owner.fields:
        # It was switched on after what holds it was switched off, which would have handed its flag down.
        here = True
    if isinstance(owner, Variable):
        (weights.trained if here else weights.frozen).append(owner)
    elif isinstance(owner, Layer):
        if owner.kind not in WEIGHTLESS and owner.kind not in WRAPPERS:
            (weights.trained if here else weights.frozen).append(owner)
            if not owner.fields.get("#built"):
                weights.built = False
                weights.unbuilt.append(owner)
        for inner in sublayers(owner):
            _collect(interpreter, inner, here, between, weights, seen)
    elif isinstance(owner, Network):
        layers = owner.fields.get("layers")
        if owner.form == "opaque" or layers is None:
            each = owner.fields.get("#each")
            children = flag(each) if each is not None else None
            if here and (each is None or children is not False):
                weights.trained.append(owner)
            else:
                weights.frozen.append(owner)
            if layers is None and owner.form != "opaque":
                weights.complete = False
        else:
            for layer in layers:
                _collect(interpreter, layer, here, between, weights, seen)
            if not owner.fields.get("layers_complete", True):
                weights.complete = False
        if owner.fields.get("#built") is False:
            weights.built = False
    elif isinstance(owner, Instance):
        if not owner.cls.bases_known():
            weights.complete = False
        if interpreter.keras == 3 and owner.role in ("model", "layer"):
            inside = [part for part in sublayers(owner) if not _unseen_by_keras_3(part)]
        else:
            inside = sublayers(owner)
        inside = [part for part in inside if not isinstance(part, Unknown) or may_have_weights(part)]
        for part in inside:
            _collect(interpreter, part, here, between, weights, seen)
        if (
            owner.role in ("model", "layer")
            and not owner.fields.get("#built")
            and (not weights.all or not weights.built)
        ):
            weights.built = False
        if owner.role == "library" or foreign_base(owner):
            weights.complete = False
    elif isinstance(owner, Unknown):
        weights.trained.append(owner)
    elif isinstance(owner, (Metric, Optimizer, Tensor)):
        # A `Sequential` lists its `Input` among its layers.
        return
    else:
        weights.complete = False


def _unseen_by_keras_3(part: Value) -> bool:
    """A plain `tf.Variable` or a `tf.Module` that is an attribute of a layer."""
    if isinstance(part, Variable):
        return part.maker == "tf.Variable" and part.owner is None
    return isinstance(part, Instance) and part.role == "module" and not foreign_base(part)


def foreign_base(owner: Instance) -> bool:
    """Whether it inherits from a library class other than the plain Keras and TensorFlow bases, so may bring weights of
    its own.
    """
    plain = {"keras.Model", "keras.layers.Layer", "keras.Sequential", "tf.Module", "builtins.object"}
    return any(name not in plain for name in owner.cls.external_bases())


def may_have_weights(value: Unknown) -> bool:
    """A plain attribute such as `self.units` is unknown too; only what is used like a layer counts, and that is not
    known here.
    """
    return "layer" in value.facts or value.origin == "element"


def weight_list(interpreter: Interpreter, owner: Value, attribute: str, node: Any) -> WeightList:
    """`owner.trainable_variables` and its like."""
    if isinstance(owner, Unknown):
        return WeightList((owner,), attribute, (owner,), True, node)
    weights = collect(interpreter, owner)
    if "non_trainable" in attribute:
        sources = tuple(weights.frozen)
    elif attribute.lstrip("_").startswith("trainable"):
        sources = tuple(weights.trained)
    else:
        sources = tuple(weights.all)
    return WeightList((owner,), attribute, sources, weights.complete, node)


def set_trainable(interpreter: Interpreter, owner: Value, value: Value, seen: set[int] | None = None) -> None:
    """`owner.trainable = value`: Keras hands the flag down to everything inside."""
    seen = set() if seen is None else seen
    if id(owner) in seen or not isinstance(owner, (Layer, Network, Instance, Variable)):
        return
    seen.add(id(owner))
    interpreter.store.put(owner.fields, "trainable", value)
    each = owner.fields.get("#each")
    if isinstance(each, Layer):
        interpreter.store.put(each.fields, "trainable", value)
    for inner in sublayers(owner):
        if not isinstance(inner, Variable):
            set_trainable(interpreter, inner, value, seen)


def describe(source: Value) -> str:
    """A name for a source as Keras would print it, as near as the program tells."""
    if isinstance(source, Variable):
        if isinstance(source.fields.get("#name"), str):
            return str(source.fields["#name"])
        name = source.arguments.get("name")
        if isinstance(name, Constant) and isinstance(name.value, str):
            return name.value
        return str(source.fields.get("#label") or "variable")
    if isinstance(source, Layer):
        name = source.arguments.get("name")
        if isinstance(name, Constant) and isinstance(name.value, str):
            return name.value
        return str(source.fields.get("#label") or source.kind)
    if isinstance(source, Network):
        return str(source.fields.get("#label") or source.name or "model")
    if isinstance(source, Instance):
        return str(source.fields.get("#label") or source.cls.name)
    if isinstance(source, Unknown):
        return source.label or "variables"
    return "the tensor" if isinstance(source, Tensor) else "variables"


def names(sources: Iterable[Value]) -> tuple[str, ...]:
    """The names of sources, each once, in order."""
    return tuple(dict.fromkeys(describe(source) for source in sources if not isinstance(source, Instance)))
