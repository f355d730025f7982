"""Reading and writing attributes of every kind of value."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from regrad.analysis import joining, layer_names, weights
from regrad.analysis.events import Compilation, TrainableSet, WeightsRead
from regrad.analysis.names import canonical
from regrad.analysis.values import (
    PLAIN,
    UNKNOWN,
    BoundExternal,
    BoundMethod,
    Class,
    Collection,
    Constant,
    External,
    Function,
    Gradients,
    Imported,
    Instance,
    Layer,
    Loss,
    Mapping,
    Metric,
    Module,
    Network,
    Object,
    Optimizer,
    Tape,
    Tensor,
    Union_,
    Unknown,
    Value,
    Variable,
    WeightList,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter


class Super(Value):
    """`super()`: members are looked for behind `cls`."""

    __slots__ = ("cls", "this")

    def __init__(self, this: Value, cls: Class | None) -> None:
        self.this = this
        self.cls = cls


def read(interpreter: Interpreter, owner: Value, name: str, node: ast.AST) -> Value:
    """`owner.name`."""
    reader = _READERS.get(type(owner))
    if reader is None:
        return UNKNOWN if owner is UNKNOWN else BoundExternal(owner, name)
    return reader(interpreter, owner, name, node)


def _of_external(interpreter: Interpreter, owner: External, name: str, node: ast.AST) -> Value:
    return member(owner.name, name, node)


def member(owner: str, name: str, node: ast.AST) -> Value:
    """What a library holds under a name."""
    full, constant = _member(owner, name)
    return External(full) if constant is None else Constant(constant, node)


@lru_cache(maxsize=8192)
def _member(owner: str, name: str) -> tuple[str, Any]:
    """The canonical name of what a library holds under a name, and its value if that is one of the known constants."""
    from regrad.analysis.library.constants import CONSTANTS

    full = canonical(f"{owner}.{name}")
    return full, CONSTANTS.get(full)


def _of_module(interpreter: Interpreter, owner: Module, name: str, node: ast.AST) -> Value:
    names = owner.scope.names
    if name in names:
        found = names[name]
        return found.value() if isinstance(found, Imported) else found
    if not owner.followed:
        return External(canonical(f"{owner.name}.{name}"))
    inner = interpreter.load_module(interpreter, f"{owner.name}.{name}", 0, owner.path)
    return inner if inner is not None else interpreter.unknown("attribute", name, (owner,))


def _of_unknown(interpreter: Interpreter, owner: Unknown, name: str, node: ast.AST) -> Value:
    if name in weights.ATTRIBUTES:
        return weights.weight_list(interpreter, owner, name, node)
    key = (id(owner), name)
    cached = interpreter.attributes.get(key)
    if cached is not None:
        return cached[1]
    value = Unknown("attribute", f"{owner.label}.{name}" if owner.label else name, (owner,), interpreter.tick())
    if owner is not UNKNOWN:
        interpreter.attributes[key] = (owner, value)
    return value


def _of_instance(interpreter: Interpreter, owner: Instance, name: str, node: ast.AST) -> Value:
    if name in owner.fields:
        value: Value = owner.fields[name]
        return value
    found = owner.cls.find(name)
    if found is not None:
        return _bind(interpreter, owner, found[0], node)
    if owner.role in ("model", "layer", "module", "library") and name in weights.ATTRIBUTES:
        return _weights(interpreter, owner, name, node)
    if name == "__class__":
        return owner.cls
    if name == "__dict__":
        from regrad.analysis.library import records

        records.forget(interpreter, owner)
    if owner.role in ("model", "layer"):
        return _of_keras(interpreter, owner, name, node)
    found = owner.cls.find("__getattr__")
    if found is not None or not owner.cls.bases_known():
        return _memo(interpreter, owner, name)
    return BoundExternal(owner, name)


def lacks(owner: Instance, name: str) -> bool:
    """Whether a plain record of the program certainly has no attribute of that name."""
    plain = owner.role is None and owner.cls.bases_known() and not owner.cls.external_bases()
    return plain and not any(name in owner.fields or owner.cls.find(each) for each in (name, "__getattr__"))


def _bind(interpreter: Interpreter, owner: Value, member: Value, node: ast.AST) -> Value:
    from regrad.analysis.interpreter import Call

    if isinstance(member, Function):
        if member.decorated("staticmethod"):
            return member
        if member.decorated("property", "cached_property"):
            value = interpreter.call(BoundMethod(owner, member), Call(node))
            if isinstance(owner, Instance) and member.decorated("cached_property"):
                interpreter.store.put(owner.fields, member.name, value)
            return value
        if member.decorated("classmethod"):
            return BoundMethod(owner.cls if isinstance(owner, Instance) else owner, member)
        return BoundMethod(owner, member)
    return member


def _memo(interpreter: Interpreter, owner: Object, name: str) -> Value:
    value = interpreter.unknown("attribute", name, (owner,))
    interpreter.store.put(owner.fields, name, value)
    return value


def _weights(interpreter: Interpreter, owner: Value, name: str, node: ast.AST) -> Value:
    found = weights.weight_list(interpreter, owner, name, node)
    every = weights.collect(interpreter, owner)
    interpreter.emit(
        WeightsRead(
            node,
            interpreter.frame,
            interpreter.tick(),
            owner,
            name,
            found.sources,
            found.complete,
            every.built,
            tuple(every.frozen),
            tuple(every.unbuilt),
        )
    )
    return found


def _of_keras(interpreter: Interpreter, owner: Instance | Layer | Network, name: str, node: ast.AST) -> Value:
    """What every Keras layer and model has."""
    if name in weights.ATTRIBUTES:
        return _weights(interpreter, owner, name, node)
    if name in owner.fields and isinstance(owner.fields[name], Value):
        value: Value = owner.fields[name]
        return value
    if name == "trainable":
        return Constant(True, node)
    if name == "layers":
        return _layers(interpreter, owner, node)
    if name in ("output", "input", "outputs", "inputs"):
        return _symbolic(interpreter, owner, name, node)
    if name == "losses":
        return interpreter.operation(
            "losses", "losses", node, tuple(interpreter.added_losses), sources=(owner,), callee=owner
        )
    if name == "name":
        return layer_names.name_of(owner)
    if name == "optimizer":
        compiled = owner.fields.get("#compiled")
        if isinstance(compiled, Compilation) and compiled.optimizer is not None:
            optimizer: Value = compiled.optimizer
            if isinstance(optimizer, Constant):
                made = Optimizer(
                    "keras.optimizers." + str(optimizer.value), {}, node, interpreter.frame, interpreter.tick()
                )
                interpreter.store.put(owner.fields, "optimizer", made)
                return made
            return optimizer
        return _memo(interpreter, owner, "optimizer")
    if name in ("kernel", "bias", "embeddings", "gamma", "beta", "moving_mean", "moving_variance", "recurrent_kernel"):
        return WeightList((owner,), name, (owner,), True, node)
    return BoundExternal(owner, name)


def _layers(interpreter: Interpreter, owner: Instance | Layer | Network, node: ast.AST) -> Value:
    if isinstance(owner, Network) and owner.fields.get("layers") is not None:
        layers: tuple[Value, ...] = tuple(owner.fields["layers"])
        if (
            owner.form == "sequential"
            and layers
            and (isinstance(layers[0], Tensor) or (isinstance(layers[0], Layer) and layers[0].kind == "InputLayer"))
        ):
            # A `Sequential` does not list its input; a functional model does.
            layers = layers[1:]
        elif owner.form == "functional":
            layers = (
                *(
                    part
                    for part in owner.fields.get("inputs") or ()
                    if isinstance(part, Tensor) and part.operation.kind == "input"
                ),
                *layers,
            )
        return _listed(interpreter, owner, layers, node)
    if isinstance(owner, Instance) and owner.cls.bases_known() and not weights.foreign_base(owner):
        inside = [part for part in weights.sublayers(owner) if isinstance(part, (Layer, Network, Instance))]
        return Collection("list", tuple(inside), True, node)
    if isinstance(owner, Network):
        each = owner.fields.get("#each")
        if each is None:
            each = Layer("?each", {}, node, interpreter.frame, interpreter.tick())
            stated = owner.fields.get("trainable")
            if stated is not None:
                each.fields["trainable"] = stated
            interpreter.store.put(owner.fields, "#each", each)
        return Collection("list", (each,), False, node)
    return interpreter.unknown("attribute", "layers", (owner,))


def _listed(interpreter: Interpreter, owner: Network, layers: tuple[Value, ...], node: ast.AST) -> Collection:
    from regrad.analysis.library import keras_models

    complete = bool(owner.fields.get("layers_complete", True))
    if not complete:
        # What holds of all known layers need not hold of the others.
        layers = (*layers, interpreter.unknown("element", "layers", (owner,)))
    opened = keras_models.spread(owner) if owner.form == "functional" else set()
    at = max((index for index, layer in enumerate(layers) if id(layer) in opened), default=None)
    made = Collection("list", layers, complete, node, grown=at is not None)
    if at is not None:
        made.fields["#tail"] = len(layers) - 1 - at
    return made


def _symbolic(interpreter: Interpreter, owner: Instance | Layer | Network, name: str, node: ast.AST) -> Value:
    if isinstance(owner, Network):
        single = "outputs" if name.startswith("output") else "inputs"
        values = owner.fields.get(single)
        if owner.form == "sequential" and values is None:
            from regrad.analysis.library import sequential

            sequential.build_sequential(interpreter, owner, node)
            values = owner.fields.get(single)
        if values is None:
            made = interpreter.operation(
                "input" if single == "inputs" else "model",
                owner.name,
                node,
                (),
                sources=(owner,) if single == "outputs" else (),
                callee=owner,
                symbolic=True,
            )
            interpreter.store.put(owner.fields, single, (made,))
            values = (made,)
        if name.endswith("s"):
            return Collection("list", tuple(values), True, node)
        return values[0] if len(values) == 1 else Collection("list", tuple(values), True, node)
    calls = owner.fields.get("#calls")
    if calls:
        inputs, output = calls[-1]
        found: Value = output if name.startswith("output") else inputs
        return found
    return interpreter.unknown("attribute", name, (owner,))


def size(interpreter: Interpreter, known: int | None) -> Value:
    """A size of a tensor. It is a whole number also where it is not known: no gradient comes through it."""
    return interpreter.unknown(PLAIN, "size", ()) if known is None else Constant(known)


def _of_tensor(interpreter: Interpreter, owner: Tensor, name: str, node: ast.AST) -> Value:
    if name == "shape":
        if owner.shape is None:
            return interpreter.unknown(PLAIN, "shape", ())
        items: tuple[Value, ...] = tuple(size(interpreter, each) for each in owner.shape)
        return Collection("tuple", items, True, node)
    if name == "T":
        shape = owner.shape[::-1] if owner.shape is not None else None
        return interpreter.operation(
            "method", "transpose", node, (owner,), dtype=owner.dtype, shape=shape, numpy=owner.numpy
        )
    if name == "dtype":
        return Constant(owner.dtype, node) if owner.dtype else interpreter.unknown("attribute", "dtype", ())
    if name == "name":
        return layer_names.name_of(owner)
    if name in ("ndim", "size", "device", "graph", "op"):
        if name == "ndim" and owner.shape is not None:
            return Constant(len(owner.shape), node)
        return UNKNOWN
    if name == "values":
        return interpreter.operation("method", "values", node, (owner,), dtype=owner.dtype, numpy=owner.numpy)
    return BoundExternal(owner, name)


def _of_variable(interpreter: Interpreter, owner: Variable, name: str, node: ast.AST) -> Value:
    if name == "shape":
        shape = owner.fields.get("shape")
        if shape is None:
            return interpreter.unknown("attribute", "shape", ())
        return Collection("tuple", tuple(size(interpreter, each) for each in shape), True, node)
    if name == "dtype":
        return Constant(owner.fields["dtype"], node) if isinstance(owner.fields.get("dtype"), str) else UNKNOWN
    if name == "trainable":
        stated = owner.fields.get("trainable")
        return stated if isinstance(stated, Value) else Constant(True, node)
    if name == "value" and owner.maker in ("add_weight", "keras.Variable"):
        return owner
    if name == "name":
        if isinstance(owner.fields.get("#name"), str):
            return Constant(owner.fields["#name"] + ":0", node)
        return owner.arguments.get("name", UNKNOWN)
    return BoundExternal(owner, name)


def _of_class(interpreter: Interpreter, owner: Class, name: str, node: ast.AST) -> Value:
    found = owner.find(name)
    if found is not None:
        member = found[0]
        if isinstance(member, Function) and member.decorated("classmethod"):
            return BoundMethod(owner, member)
        return member
    if name == "__name__":
        return Constant(owner.name, node)
    externals = owner.external_bases()
    return External(f"{externals[0]}.{name}") if externals else interpreter.unknown("attribute", name, (owner,))


def _of_super(interpreter: Interpreter, owner: Super, name: str, node: ast.AST) -> Value:
    if owner.cls is not None:
        for base in owner.cls.bases:
            if isinstance(base, Class):
                found = base.find(name)
                if found is not None:
                    return _bind(interpreter, owner.this, found[0], node)
    return BoundExternal(owner, name)


def _of_union(interpreter: Interpreter, owner: Union_, name: str, node: ast.AST) -> Value:
    return joining.join_all(
        interpreter, [read(interpreter, alternative, name, node) for alternative in owner.alternatives]
    )


def _of_object(interpreter: Interpreter, owner: Object, name: str, node: ast.AST) -> Value:
    if (
        name in owner.fields
        and isinstance(owner.fields[name], Value)
        and not isinstance(owner, (Collection, Mapping, Tape))
    ):
        value: Value = owner.fields[name]
        return value
    return BoundExternal(owner, name)


def _of_layer(interpreter: Interpreter, owner: Layer | Network, name: str, node: ast.AST) -> Value:
    return _of_keras(interpreter, owner, name, node)


def _of_function(interpreter: Interpreter, owner: Function, name: str, node: ast.AST) -> Value:
    if name == "__name__":
        return Constant(owner.name, node)
    if name == "python_function":
        return owner
    return BoundExternal(owner, name)


def _of_gradients(interpreter: Interpreter, owner: Gradients, name: str, node: ast.AST) -> Value:
    return read(interpreter, owner.tensor, name, node)


def _of_collection(interpreter: Interpreter, owner: Collection, name: str, node: ast.AST) -> Value:
    if name in ("rank", "ndims") and owner.kind == "tuple" and owner.size is not None:
        # A shape is kept as a tuple of its sizes.
        return Constant(owner.size, node)
    return BoundExternal(owner, name)


_READERS: dict[type, Callable[[Interpreter, Any, str, ast.AST], Value]] = {
    External: _of_external,
    Module: _of_module,
    Unknown: _of_unknown,
    Instance: _of_instance,
    Layer: _of_layer,
    Network: _of_layer,
    Tensor: _of_tensor,
    Variable: _of_variable,
    Class: _of_class,
    Super: _of_super,
    Union_: _of_union,
    Optimizer: _of_object,
    Loss: _of_object,
    Metric: _of_object,
    Function: _of_function,
    Gradients: _of_gradients,
    Collection: _of_collection,
}


def write(interpreter: Interpreter, owner: Value, name: str, value: Value, node: ast.Attribute) -> None:
    """`owner.name = value`."""
    if isinstance(owner, Union_):
        # Which of them is not known, so each may have changed.
        for alternative in owner.alternatives:
            write(
                interpreter,
                alternative,
                name,
                joining.join(interpreter, read(interpreter, alternative, name, node), value),
                node,
            )
        return
    if name in ("trainable", "_trainable") and isinstance(owner, (Instance, Layer, Network, Variable, Unknown)):
        before = owner.fields.get("trainable") if not isinstance(owner, Unknown) else None
        if not isinstance(owner, Unknown) and interpreter.chosen_by_element(owner):
            value = joining.join(interpreter, Constant(True) if before is None else before, value)
        interpreter.emit(
            TrainableSet(
                node,
                interpreter.frame,
                interpreter.tick(),
                owner,
                value,
                before if isinstance(before, Value) else None,
                node,
            )
        )
        weights.set_trainable(interpreter, owner, value)
        return
    if isinstance(owner, Class):
        interpreter.store.put(owner.fields, name, value)
        return
    if isinstance(owner, Module):
        interpreter.store.put(owner.scope.names, name, value)
        return
    if isinstance(owner, Unknown):
        if owner is not UNKNOWN:
            interpreter.store.put(interpreter.attributes, (id(owner), name), (owner, value))
        return
    if isinstance(owner, Network) and name in ("inputs", "outputs", "layers"):
        # Only old Keras let a program set them; the model keeps what it was made of.
        return
    if isinstance(owner, Object):
        if (
            isinstance(value, (Layer, Network, Instance, Variable))
            and "#label" not in value.fields
            and isinstance(owner, Instance)
        ):
            value.fields["#label"] = name
        interpreter.store.put(owner.fields, name, value)


__all__ = ["Super", "read", "write"]
