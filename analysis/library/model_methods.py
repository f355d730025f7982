"""Methods of layers and models other than those that train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrad.analysis import attributes, layer_names, weights
from regrad.analysis.events import Predicted
from regrad.analysis.library import added_losses, keras_layers, operation_calls, variables
from regrad.analysis.library.keras_models import layers_between, parts
from regrad.analysis.library.layer_calls import call_layer
from regrad.analysis.library.sequential import build_sequential
from regrad.analysis.operations import Transfer
from regrad.analysis.values import NONE, UNKNOWN, Collection, Constant, Instance, Layer, Network, Unknown, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter

_PREDICTING = frozenset(
    {
        "predict",
        "predict_on_batch",
        "evaluate",
        "test_on_batch",
        "predict_generator",
        "predict_classes",
        "predict_proba",
    }
)

_LOADING = frozenset({"load_weights", "set_weights", "load_own_variables", "from_config"})

_SILENT = frozenset(
    {
        "summary",
        "save",
        "save_weights",
        "export",
        "to_json",
        "get_config",
        "count_params",
        "reset_states",
        "reset_metrics",
        "save_spec",
    }
)


def method(interpreter: Interpreter, owner: Value, name: str, call: Call) -> Value | None:
    """Methods of layers and models of the library, and those that classes of the program inherit from them."""
    this = owner.this if isinstance(owner, attributes.Super) else owner
    if isinstance(owner, attributes.Super) and name == "__init__" and isinstance(this, Instance):
        return inherited_init(interpreter, this, call)
    if not isinstance(this, (Layer, Network, Instance)):
        if name in ("predict", "predict_on_batch") and isinstance(this, Unknown):
            return _predict(interpreter, this, name, call)
        return None
    if isinstance(this, Instance) and this.role not in ("model", "layer", "library", "module"):
        return None
    if name in ("add_weight", "add_variable"):
        return _add_weight(interpreter, this, call)
    if name == "add_loss":
        value = call.get("loss", 0) or call.get("losses")
        if value is not None:
            added_losses.note(interpreter, this, value)
        return NONE
    if name in _PREDICTING and not (isinstance(owner, Instance) and owner.role == "layer"):
        return _predict(interpreter, this, name, call)
    if name in _LOADING:
        interpreter.store.put(this.fields, "#loaded", True)
        if name == "set_weights":
            variables.note_filled(interpreter, name, call)
        return NONE
    if name in _SILENT:
        return UNKNOWN
    if name == "get_layer":
        return _get_layer(interpreter, this, call)
    if name == "_flatten_layers":
        return _flattened(this, call)
    if name == "build":
        interpreter.store.put(this.fields, "#built", True)
        if isinstance(this, Network) and this.form == "sequential":
            build_sequential(interpreter, this, call.node)
        elif isinstance(this, Instance) and not isinstance(owner, attributes.Super):
            _built_children(interpreter, this)
        return NONE
    if name == "get_weights":
        return interpreter.operation("method", name, call.node, (), numpy=True)
    if name in ("call", "__call__"):
        if isinstance(this, Instance):
            return interpreter.operation(
                "model", this.cls.name, call.node, (this, *call.all()), sources=(this,), callee=this, dtype="float32"
            )
        return call_layer(interpreter, this, call)
    if isinstance(this, Network) and name == "add":
        for layer in call.positional[:1]:
            interpreter.store.put(this.fields, "layers", (*(this.fields.get("layers") or ()), layer))
        return NONE
    if isinstance(this, Instance) and name == "add" and call.positional:
        added = (*(this.fields.get("#added") or ()), call.positional[0])
        interpreter.store.put(this.fields, "#added", added)
        interpreter.store.put(this.fields, f"_added_{len(added)}", call.positional[0])
        return NONE
    if isinstance(this, Network) and name == "pop" and this.fields.get("layers"):
        interpreter.store.put(this.fields, "layers", this.fields["layers"][:-1])
        return NONE
    if name in ("compute_output_shape", "compute_mask", "from_pretrained"):
        return UNKNOWN
    return None


def _built_children(interpreter: Interpreter, instance: Instance) -> None:
    from regrad.analysis import weights

    for part in weights.sublayers(instance):
        if isinstance(part, (Layer, Network)):
            interpreter.store.put(part.fields, "#built", True)


def inherited_init(interpreter: Interpreter, this: Instance, call: Call) -> Value:
    """`keras.Model.__init__` (or that of `Sequential`) on an object of a class of the program."""
    if this.role == "model":
        inputs, outputs = call.get("inputs", 0), call.get("outputs", 1)
        if outputs is not None:
            interpreter.store.put(this.fields, "#outputs", parts(outputs))
            interpreter.store.put(this.fields, "#inputs", parts(inputs))
            layers, complete = layers_between(interpreter, parts(outputs))
            interpreter.store.put(this.fields, "#graph", Collection("list", tuple(layers)))
            if not complete:
                interpreter.store.put(this.fields, "_layers_unknown", Collection("list", (), False))
            for index, layer in enumerate(layers):
                interpreter.store.put(this.fields, f"_layer_{index}", layer)
        elif "keras.Sequential" in this.cls.external_bases() and isinstance(inputs, Collection):
            for index, layer in enumerate(inputs.items):
                interpreter.store.put(this.fields, f"_layer_{index}", layer)
    keep_wrapped(interpreter, this, call)
    if this.role in ("model", "layer"):
        interpreter.store.put(this.fields, "#name", layer_names.stated_or_automatic(call, this.cls.name))
    stated = call.get("trainable")
    if stated is not None:
        interpreter.store.put(this.fields, "trainable", stated)
    dtype = call.get("dtype")
    if dtype is not None:
        interpreter.store.put(this.fields, "#dtype", dtype)
    return NONE


def keep_wrapped(interpreter: Interpreter, this: Instance, call: Call) -> None:
    """A wrapper keeps what it wraps under the name of its first argument."""
    for base in this.cls.external_bases():
        kept = keras_layers.WRAPPERS.get(base.rpartition(".")[2])
        inner = call.get(kept[0], 0) if kept else None
        if kept and inner is not None:
            interpreter.store.put(this.fields, kept[0], inner)


def _add_weight(interpreter: Interpreter, owner: Value, call: Call) -> Value:
    names = ("shape", "initializer", "dtype", "trainable")
    if call.positional and isinstance(call.positional[0], Constant) and isinstance(call.positional[0].value, str):
        names = ("name", "shape", "dtype", "initializer")
    arguments: dict[str, Value] = dict(zip(names, call.positional, strict=False))
    arguments.update(call.keywords)
    if "dtype" not in arguments and isinstance(owner, Instance) and owner.fields.get("#dtype") is not None:
        arguments["dtype"] = owner.fields["#dtype"]
    variable = variables.make_variable(interpreter, "add_weight", arguments, arguments.get("initializer"), owner, call)
    if isinstance(owner, (Instance, Layer)):
        # Keras keeps every weight that `add_weight` made, also one that no attribute holds.
        interpreter.store.put(owner.fields, f"_weight_{variable.serial}", variable)
    return variable


def _predict(interpreter: Interpreter, owner: Value, name: str, call: Call) -> Value:
    from regrad.analysis import weights

    if isinstance(owner, (Network, Instance)):
        interpreter.store.put(owner.fields, "#built", True)
        if isinstance(owner, Network) and owner.form == "sequential":
            build_sequential(interpreter, owner, call.node, call.get("x", 0))
        for layer in weights.sublayers(owner):
            if isinstance(layer, Layer):
                interpreter.store.put(layer.fields, "#built", True)
    result = interpreter.operation(
        "predict",
        name,
        call.node,
        operation_calls.flatten(call.positional[:1]),
        Transfer.LEAVES,
        dtype="float32",
        numpy=True,
        sources=(owner,),
        callee=owner,
    )
    interpreter.emit(
        Predicted(call.node, interpreter.frame, interpreter.tick(), owner, name, interpreter.tapes, result)
    )
    return result


def _flattened(this: Layer | Network | Instance, call: Call) -> Value:
    """`model._flatten_layers()`: the model itself and every layer in it."""
    stated = call.get("include_self", 1)
    found: list[Value] = []
    stack: list[Value] = [this]
    whole = call.get("recursive", 0) is None and (stated is None or isinstance(stated, Constant))
    while stack:
        current = stack.pop()
        whole = whole and not isinstance(current, Unknown)
        if not isinstance(current, (Layer, Network, Instance)) or any(current is each for each in found):
            continue
        whole = whole and not (isinstance(current, Network) and current.fields.get("layers") is None)
        found.append(current)
        stack.extend(reversed(weights.sublayers(current)))
    if isinstance(stated, Constant) and not stated.value:
        found = found[1:]
    return Collection("list", tuple(found), whole, call.node)


def _get_layer(interpreter: Interpreter, owner: Layer | Network | Instance, call: Call) -> Value:
    name, index = call.get("name", 0), call.get("index", 1)
    layers = attributes.read(interpreter, owner, "layers", call.node)
    if isinstance(layers, Collection) and layers.complete:
        if isinstance(name, Constant) and isinstance(name.value, str):
            for layer in layers.items:
                stated = layer.arguments.get("name") if isinstance(layer, Layer) else None
                if isinstance(stated, Constant) and stated.value == name.value:
                    return layer
        if (
            isinstance(index, Constant)
            and isinstance(index.value, int)
            and -len(layers.items) <= index.value < len(layers.items)
        ):
            return layers.items[index.value]
    if isinstance(owner, Network):
        return Layer("?some", {}, call.node, interpreter.frame, interpreter.tick())
    return interpreter.unknown("call", "get_layer", (owner,))
