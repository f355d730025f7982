"""Models of the Keras library: how they are put together, called, inspected and given weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from regrad.analysis import iteration, layer_names
from regrad.analysis.library import literals, operation_calls
from regrad.analysis.values import (
    UNKNOWN,
    Collection,
    Constant,
    Instance,
    Layer,
    Mapping,
    Network,
    Operation,
    Shape,
    Tensor,
    Union_,
    Unknown,
    Value,
)
from regrad.analysis.walking import each_once

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler


def _network(interpreter: Interpreter, form: str, name: str, call: Call) -> Network:
    network = Network(form, name, call.node, interpreter.frame, interpreter.tick())
    stated = call.get("name")
    if isinstance(stated, Constant) and isinstance(stated.value, str):
        network.fields["#label"] = stated.value
    if form != "opaque" or stated is not None:
        network.fields["#name"] = layer_names.stated_or_automatic(call, form, 2 if form == "functional" else None)
    return network


def _sequential(interpreter: Interpreter, name: str, call: Call) -> Value:
    network = _network(interpreter, "sequential", "Sequential", call)
    given = call.get("layers", 0)
    layers: tuple[Value, ...] = ()
    complete = call.complete
    if isinstance(given, Collection):
        layers, complete = given.items, complete and given.complete
    elif given is not None and not (isinstance(given, Constant) and given.value is None):
        known = iteration.known_elements(interpreter, given)
        if known is None:
            complete = False
        else:
            layers = tuple(known)
    network.fields["layers"] = layers
    network.fields["layers_complete"] = complete
    stated = call.get("trainable")
    if stated is not None:
        network.fields["trainable"] = stated
    return network


def _model(interpreter: Interpreter, name: str, call: Call) -> Value:
    network = _network(interpreter, "functional", "Model", call)
    inputs = call.get("inputs", 0) or call.get("input")
    outputs = call.get("outputs", 1) or call.get("output")
    fill_functional(interpreter, network, inputs, outputs)
    stated = call.get("trainable")
    if stated is not None:
        network.fields["trainable"] = stated
    return network


def parts(value: Value | None) -> tuple[Value, ...]:
    """The tensors of an `inputs=` or `outputs=` argument."""
    if value is None:
        return ()
    if isinstance(value, Collection):
        return tuple(part for item in value.items for part in parts(item))
    if isinstance(value, Mapping):
        return tuple(part for item in value.entries.values() for part in parts(item))
    return (value,)


def fill_functional(interpreter: Interpreter, network: Network, inputs: Value | None, outputs: Value | None) -> None:
    """Give a functional model its inputs, outputs and the layers between them."""
    network.fields["inputs"] = parts(inputs)
    network.fields["outputs"] = parts(outputs)
    # An output that does not seem to come from an input was made of something that is not known.
    unknown = any(isinstance(each, Unknown) for each in parts(inputs))
    _described(each for each in parts(outputs) if unknown or not isinstance(each, Tensor) or not each.symbolic)
    network.fields["structure"] = outputs
    layers, complete = layers_between(interpreter, parts(outputs))
    network.fields["layers"] = tuple(layers)
    network.fields["layers_complete"] = complete
    network.fields["#built"] = True


def _described(outputs: Iterable[Value]) -> None:
    """All that leads to these outputs only describes the model, and runs when it is called."""
    from regrad.analysis.interpreter import SYMBOLIC

    for value in each_once(outputs, _inputs):
        if isinstance(value, Tensor):
            value.symbolic = True
        elif isinstance(value, Unknown) and value.operation is not None:
            value.facts = value.facts | SYMBOLIC


def _inputs(value: Value) -> tuple[Value, ...]:
    operation = value.operation if isinstance(value, (Tensor, Unknown)) else None
    return operation.inputs if operation is not None else ()


def layers_between(interpreter: Interpreter, outputs: tuple[Value, ...]) -> tuple[list[Value], bool]:
    """The layers and models on the way to these outputs, inputs first, and whether the whole way is known."""
    layers: list[Value] = []
    known: set[int] = set()
    seen: set[int] = set()
    complete = True
    stack: list[tuple[Value, bool]] = [(value, False) for value in reversed(outputs)]
    while stack:
        value, done = stack.pop()
        if isinstance(value, Collection):
            stack.extend((item, False) for item in value.items)
            continue
        if isinstance(value, Union_):
            complete = False
            stack.extend((each, False) for each in value.alternatives)
            continue
        if isinstance(value, Unknown):
            complete = False
        if not isinstance(value, (Tensor, Unknown)) or value.operation is None:
            continue
        operation = value.operation
        if not done:
            if id(operation) in seen:
                continue
            seen.add(id(operation))
            stack.append((value, True))
            _, taken = interpreter.taken.get(id(operation), (operation, ()))
            stack.extend((item, False) for item in (*operation.inputs, *taken) if not _inside(operation, item))
            continue
        # Of what a layer's `call` does, the model sees the layer alone.
        found = caller(operation) or operation.callee
        if isinstance(found, (Layer, Network, Instance)) and id(found) not in known:
            known.add(id(found))
            layers.append(found)
    return layers, complete


def _inside(operation: Operation, value: Value) -> bool:
    """Whether it is what a model makes inside when the operation calls it: of that the calling model sees nothing."""
    network = operation.callee
    return isinstance(network, Network) and any(value is each for each in network.fields.get("outputs") or ())


def spread(network: Network) -> set[int]:
    """The models inside of which only the outside is known, and whose layers a functional model lists one by one, since
    it was made from their outputs (`base.output`) and not by calling them; by their ids.
    """
    made = (value for value in each_once(tuple(network.fields.get("outputs") or ()), _inputs))
    return {
        id(value.operation.callee)
        for value in made
        if isinstance(value, Tensor)
        and isinstance(value.operation.callee, Network)
        and value.operation.callee.form == "opaque"
        and any(value is output for output in value.operation.callee.fields.get("outputs") or ())
    }


def caller(operation: Operation) -> Instance | None:
    """The outermost layer or model of the program whose `call` made the operation."""
    found: Instance | None = None
    frame = operation.frame
    while frame is not None:
        if (
            isinstance(frame.this, Instance)
            and frame.this.role in ("layer", "model")
            and frame.function is not None
            and frame.function.name in ("call", "__call__")
        ):
            found = frame.this
        frame = frame.caller
    return found


def _input(interpreter: Interpreter, name: str, call: Call) -> Value:
    shape = literals.sizes(call.get("shape", 0))
    dtype = literals.dtype_value(call.get("dtype")) or "float32"
    batch: Shape | None = (None, *shape) if shape is not None else literals.sizes(call.get("batch_shape"))
    arguments = operation_calls.named(call)
    if not call.complete:
        arguments.setdefault("name", UNKNOWN)
    return interpreter.operation(
        "input", "Input", call.node, (), dtype=dtype, shape=batch, symbolic=True, arguments=arguments
    )


def _opaque(interpreter: Interpreter, name: str, call: Call) -> Value:
    """A model of which only the outside is known: `keras.applications`, `load_model`, TF Hub."""
    last = name.rpartition(".")[2]
    if last[:1].islower() and not last.startswith(("load_model", "clone_model", "model_from")):
        return interpreter.operation("op", last, call.node, operation_calls.flatten(call.all()))
    network = _network(interpreter, "opaque", last, call)
    loaded = call.get("weights")
    network.fields["loaded"] = not (isinstance(loaded, Constant) and loaded.value is None)
    if last == "clone_model":
        network.fields["loaded"] = False
        network.fields["#like"] = call.get("model", 0)
    network.fields["#built"] = True
    stated = call.get("trainable")
    if stated is not None:
        network.fields["trainable"] = stated
    given = call.get("input_tensor")
    if isinstance(given, Tensor):
        output = interpreter.operation(
            "model", last, call.node, (given,), sources=(network,), callee=network, dtype="float32"
        )
        network.fields["inputs"], network.fields["outputs"] = (given,), (output,)
    top, classes = call.get("include_top"), call.get("classes")
    network.fields["top"] = top is None or (isinstance(top, Constant) and bool(top.value))
    network.fields["classes"] = classes
    return network


FUNCTIONS: dict[str, Handler] = {
    "keras.Sequential": _sequential,
    "keras.Model": _model,
    "keras.Input": _input,
    "K.placeholder": _input,
    **{
        f"keras.models.{name}": _opaque
        for name in ("load_model", "clone_model", "model_from_json", "model_from_yaml", "model_from_config")
    },
    "tensorflow_hub.KerasLayer": _opaque,
    "tensorflow_hub.load": _opaque,
    "keras.layers.TFSMLayer": _opaque,
}

PREFIXES: dict[str, Handler] = {"keras.applications.": _opaque}
