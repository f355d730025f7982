"""Models of the Keras library: how they are put together, called, inspected and given weights."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis import attributes, iteration
from regrad.analysis.events import ModelCalled, Predicted
from regrad.analysis.library import keras_layers, tensors
from regrad.analysis.library.heads import activation_of
from regrad.analysis.operations import Transfer
from regrad.analysis.values import (
    NONE,
    UNKNOWN,
    BoundMethod,
    Collection,
    Constant,
    External,
    Function,
    Instance,
    Layer,
    Mapping,
    Network,
    Object,
    Operation,
    Partial,
    Shape,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler


def _network(interpreter: Interpreter, form: str, name: str, call: Call) -> Network:
    return Network(form, name, call.node, interpreter.frame, interpreter.tick())


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
    network.fields["structure"] = outputs
    layers, complete = layers_between(parts(outputs))
    network.fields["layers"] = tuple(layers)
    network.fields["layers_complete"] = complete
    network.fields["#built"] = True


def layers_between(outputs: tuple[Value, ...]) -> tuple[list[Value], bool]:
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
        if isinstance(value, Unknown):
            complete = False
            continue
        if not isinstance(value, Tensor):
            continue
        operation = value.operation
        if not done:
            if id(operation) in seen:
                continue
            seen.add(id(operation))
            stack.append((value, True))
            stack.extend((item, False) for item in operation.inputs)
            continue
        for found in (caller(operation), operation.callee):
            if isinstance(found, (Layer, Network, Instance)) and id(found) not in known:
                known.add(id(found))
                layers.append(found)
                break
    return layers, complete


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
    shape = tensors.sizes(call.get("shape", 0))
    dtype = tensors.dtype_value(call.get("dtype")) or "float32"
    batch: Shape | None = (None, *shape) if shape is not None else tensors.sizes(call.get("batch_shape"))
    return interpreter.operation(
        "input", "Input", call.node, (), dtype=dtype, shape=batch, symbolic=True, arguments=tensors.named(call)
    )


def _opaque(interpreter: Interpreter, name: str, call: Call) -> Value:
    """A model of which only the outside is known: `keras.applications`, `load_model`, TF Hub."""
    last = name.rpartition(".")[2]
    if last[:1].islower() and not last.startswith(("load_model", "clone_model", "model_from")):
        return interpreter.operation("op", last, call.node, tensors.flatten(call.all()))
    network = _network(interpreter, "opaque", last, call)
    loaded = call.get("weights")
    network.fields["loaded"] = not (isinstance(loaded, Constant) and loaded.value is None)
    if last == "clone_model":
        network.fields["loaded"] = False
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


# -- calling -----------------------------------------------------------------------------------------------------------


def call_layer(interpreter: Interpreter, layer: Layer | Network, call: Call) -> Value:
    """`layer(inputs)` of a library layer or model."""
    if isinstance(layer, Network):
        return _call_network(interpreter, layer, call)
    inputs = tensors.flatten(tuple(value for key, value in _layer_inputs(call)))
    if not layer.fields.get("#built"):
        interpreter.store.put(layer.fields, "#built", True)
    interpreter.store.put(layer.fields, "#called", True)
    first = inputs[0] if inputs else None
    shape = first.shape if isinstance(first, Tensor) else None
    with interpreter.describing_with(inputs):
        result = apply(interpreter, layer, call, inputs, shape)
    calls = (*(layer.fields.get("#calls") or ()), (first if first is not None else UNKNOWN, result))
    interpreter.store.put(layer.fields, "#calls", calls[-4:])
    return result


def _layer_inputs(call: Call) -> list[tuple[str, Value]]:
    found = [(str(index), value) for index, value in enumerate(call.positional)]
    found.extend((key, value) for key, value in call.keywords.items() if key not in ("training", "mask"))
    return found


def apply(interpreter: Interpreter, layer: Layer, call: Call, inputs: tuple[Value, ...], shape: Shape | None) -> Value:
    """What a layer of the library makes of its inputs."""
    kind = layer.kind
    if kind == "Lambda":
        function = layer.arguments.get("function")
        if isinstance(function, (Function, BoundMethod, Partial)):
            extra = layer.arguments.get("arguments")
            keywords = (
                {key: value for key, value in extra.entries.items() if isinstance(key, str)}
                if isinstance(extra, Mapping)
                else {}
            )
            given = call.positional[:1]
            from regrad.analysis.interpreter import Call as Arguments

            return interpreter.call(function, Arguments(call.node, given, keywords))
        if isinstance(function, External):
            return interpreter.call(function, call)
        return interpreter.operation("unknown", kind, call.node, inputs, callee=layer)
    cell = layer.arguments.get("cell")
    if kind == "RNN" and isinstance(cell, Instance):
        return run_cell(interpreter, cell, call, inputs)
    activation = layer.arguments.get("activation")
    if isinstance(activation, (Function, BoundMethod, Partial)) and kind in ("Activation", "Dense", "Conv1D", "Conv2D"):
        from regrad.analysis.interpreter import Call as Arguments

        inner = (
            _plain(interpreter, layer, call, inputs, shape, Transfer.FLOWS)
            if kind != "Activation"
            else (inputs[0] if inputs else UNKNOWN)
        )
        return interpreter.call(activation, Arguments(call.node, (inner,)))
    transfer = Transfer.INTEGER if kind in keras_layers.NOT_DIFFERENTIABLE else Transfer.FLOWS
    return _plain(interpreter, layer, call, inputs, shape, transfer)


def run_cell(interpreter: Interpreter, cell: Instance, call: Call, inputs: tuple[Value, ...]) -> Value:
    """One time step of a recurrent cell of the program: its output stands for the whole sequence's."""
    from regrad.analysis.interpreter import Call as Arguments

    size = cell.fields.get("state_size")
    count = len(size.items) if isinstance(size, Collection) and size.complete else 1
    states = Collection("list", tuple(interpreter.operation("data", "state", call.node, ()) for _ in range(count)))
    step = iteration.element(interpreter, inputs[0], call.node) if inputs else UNKNOWN
    if isinstance(step, Tensor):
        shape = inputs[0].shape if isinstance(inputs[0], Tensor) else None
        step.shape = (shape[0], *shape[2:]) if shape is not None and len(shape) > 2 else None
    result = interpreter.call(cell, Arguments(call.node, (step, states)))
    if isinstance(result, Collection) and result.items:
        return result.items[0]
    return result


def _plain(
    interpreter: Interpreter,
    layer: Layer,
    call: Call,
    inputs: tuple[Value, ...],
    shape: Shape | None,
    transfer: Transfer,
) -> Value:
    kind = layer.kind
    sources: list[Value] = []
    _layer_sources(layer, sources)
    result_shape = keras_layers.output_shape(layer, shape)
    facts = frozenset({"probabilities"}) if activation_of(layer) in ("softmax", "sigmoid") else frozenset()
    if kind == "Concatenate" and inputs:
        shapes = [value.shape for value in inputs if isinstance(value, Tensor)]
        if (
            len(shapes) == len(inputs)
            and all(s is not None and s and s[-1] is not None for s in shapes)
            and "axis" not in layer.arguments
        ):
            result_shape = (*shapes[0][:-1], sum(s[-1] for s in shapes))  # type: ignore[index,misc]
    # An index that selects rows carries no gradient; the rows themselves are the layer's weights.
    passed = (
        inputs
        if kind not in keras_layers.INTEGER_INPUT
        else tuple(_index(interpreter, call.node, value) for value in inputs)
    )
    result = interpreter.operation(
        "layer",
        kind,
        call.node,
        passed,
        transfer,
        dtype="float32" if transfer is Transfer.FLOWS else "int64",
        shape=result_shape,
        facts=facts,
        sources=tuple(sources),
        callee=layer,
    )
    several = layer.arguments.get("return_state")
    if several is not None and not (isinstance(several, Constant) and not several.value):
        count = 3 if kind == "LSTM" else 2
        if kind == "Bidirectional":
            return interpreter.operation("layer", kind, call.node, (result,), callee=layer)
        return Collection(
            "tuple",
            (
                result,
                *(
                    interpreter.operation(
                        "layer", kind, call.node, passed, sources=tuple(sources), callee=layer, dtype="float32"
                    )
                    for _ in range(count - 1)
                ),
            ),
        )
    if kind == "MultiHeadAttention":
        scores = call.get("return_attention_scores")
        if scores is not None and not (isinstance(scores, Constant) and not scores.value):
            return Collection(
                "tuple",
                (
                    result,
                    interpreter.operation(
                        "layer", kind, call.node, passed, sources=tuple(sources), callee=layer, dtype="float32"
                    ),
                ),
            )
    return result


def _index(interpreter: Interpreter, node: ast.AST, value: Value) -> Value:
    if isinstance(value, Tensor) and value.operation.transfer in (Transfer.INTEGER, Transfer.NONE, Transfer.LEAVES):
        return value
    return interpreter.operation(
        "op",
        "Embedding index",
        node,
        (value,),
        Transfer.INTEGER,
        dtype="int32",
        shape=value.shape if isinstance(value, Tensor) else None,
    )


def _layer_sources(layer: Value, into: list[Value]) -> None:
    if isinstance(layer, Layer):
        if layer.kind in keras_layers.WRAPPERS:
            for name in keras_layers.WRAPPERS[layer.kind]:
                inner = layer.arguments.get(name)
                for part in inner.items if isinstance(inner, Collection) else (inner,):
                    if part is not None:
                        _layer_sources(part, into)
        elif layer.kind not in keras_layers.WEIGHTLESS:
            into.append(layer)
    elif isinstance(layer, Network):
        if layer.fields.get("layers") is not None:
            for inner in layer.fields["layers"]:
                _layer_sources(inner, into)
        else:
            into.append(layer)
    elif isinstance(layer, (Instance, Unknown)):
        into.append(layer)


def _call_network(interpreter: Interpreter, network: Network, call: Call) -> Value:
    arguments = tensors.flatten(tuple(value for _, value in _layer_inputs(call)))
    if network.form == "sequential":
        build_sequential(interpreter, network, call.node, arguments[0] if arguments else None)
    outputs: tuple[Value, ...] = network.fields.get("outputs") or ()
    interpreter.store.put(network.fields, "#built", True)
    interpreter.store.put(network.fields, "#called", True)
    if not outputs:
        shape: Shape | None = None
        classes = network.fields.get("classes")
        if (
            network.form == "opaque"
            and network.fields.get("top")
            and isinstance(classes, Constant)
            and isinstance(classes.value, int)
        ):
            shape = (None, classes.value)
        made: Value = interpreter.operation(
            "model",
            network.name,
            call.node,
            arguments,
            sources=(network,),
            callee=network,
            dtype="float32",
            shape=shape,
        )
    else:
        results = tuple(_network_output(interpreter, network, call, arguments, output) for output in outputs)
        _connect(outputs, results)
        structure = network.fields.get("structure")
        if isinstance(structure, Mapping):
            made = Mapping(dict(zip(structure.entries, results, strict=False)))
        else:
            made = (
                results[0]
                if len(results) == 1 and not isinstance(structure, Collection)
                else Collection("list", results)
            )
    interpreter.emit(ModelCalled(call.node, interpreter.frame, interpreter.tick(), network, interpreter.tapes, made))
    return made


def _network_output(
    interpreter: Interpreter, network: Network, call: Call, arguments: tuple[Value, ...], output: Value
) -> Tensor:
    dtype = output.dtype if isinstance(output, Tensor) else "float32"
    shape = output.shape if isinstance(output, Tensor) else None
    facts = output.facts if isinstance(output, Tensor) else frozenset()
    transfer = Transfer.FLOWS
    result = interpreter.operation(
        "model",
        network.name,
        call.node,
        (output, *arguments),
        transfer,
        dtype=dtype,
        shape=shape,
        facts=facts,
        callee=network,
    )
    # What comes out of a call with data is data, also where the model itself was described symbolically.
    result.symbolic = interpreter.describing or any(isinstance(value, Tensor) and value.symbolic for value in arguments)
    return result


def _connect(outputs: tuple[Value, ...], results: tuple[Tensor, ...]) -> None:
    """One call computes all outputs: an output that others are made from stays on their path (Grad-CAM differentiates
    by it).
    """
    if len(outputs) < 2:
        return
    from regrad.analysis.flow import Flow

    everything = Flow(None, full=True, marks=outputs)
    for output, result in zip(outputs, results, strict=True):
        reached = everything.reach(output).sources
        others = tuple(
            other for inner, other in zip(outputs, results, strict=True) if inner is not output and id(inner) in reached
        )
        result.operation.inputs = (*result.operation.inputs, *others)


def build_sequential(interpreter: Interpreter, network: Network, node: ast.AST, given: Value | None = None) -> None:
    """Run a `Sequential` symbolically, so that its output and the path to it are known."""
    layers: tuple[Value, ...] = network.fields.get("layers") or ()
    if network.fields.get("outputs") is not None and network.fields.get("#outputs_of") == layers:
        return
    from regrad.analysis.interpreter import Call as Arguments

    tapes, interpreter.tapes = interpreter.tapes, ()
    value: Value | None = None
    first: Value | None = None
    for layer in layers:
        if isinstance(layer, Tensor) and layer.operation.kind == "input":
            value = first = layer
            continue
        if isinstance(layer, Layer) and layer.kind == "InputLayer":
            value = first = _declared_input(interpreter, layer, node)
            continue
        if value is None:
            value = first = _first_input(interpreter, layer, node, given)
        value = interpreter.call(
            layer, Arguments(layer.node if isinstance(layer, Object) and layer.node is not None else node, (value,))
        )
    interpreter.tapes = tapes
    if value is None or not network.fields.get("layers_complete", True):
        value = interpreter.operation(
            "model",
            network.name,
            node,
            () if value is None else (value,),
            sources=(network,),
            callee=network,
            dtype="float32",
            symbolic=True,
        )
    interpreter.store.put(network.fields, "inputs", (first,) if first is not None else ())
    interpreter.store.put(network.fields, "outputs", (value,))
    interpreter.store.put(network.fields, "#outputs_of", layers)


def _declared_input(interpreter: Interpreter, layer: Layer, node: ast.AST) -> Tensor:
    shape = tensors.sizes(layer.arguments.get("input_shape") or layer.arguments.get("shape"))
    if shape is None:
        batch = tensors.sizes(layer.arguments.get("batch_shape") or layer.arguments.get("batch_input_shape"))
    else:
        batch = (None, *shape)
    return interpreter.operation("input", "InputLayer", node, (), dtype="float32", shape=batch, symbolic=True)


def _first_input(interpreter: Interpreter, layer: Value, node: ast.AST, given: Value | None) -> Tensor:
    shape: Shape | None = None
    if isinstance(layer, Layer):
        stated = layer.arguments.get("input_shape") or layer.arguments.get("batch_input_shape")
        dimension = layer.arguments.get("input_dim")
        if stated is not None:
            sizes = tensors.sizes(stated)
            shape = (
                sizes
                if sizes is not None and "batch_input_shape" in layer.arguments
                else (None, *sizes)
                if sizes is not None
                else None
            )
        elif dimension is not None and layer.kind != "Embedding":
            size = dimension.value if isinstance(dimension, Constant) and isinstance(dimension.value, int) else None
            shape = (None, size)
        elif layer.kind == "Embedding":
            length = layer.arguments.get("input_length")
            shape = (None, length.value if isinstance(length, Constant) and isinstance(length.value, int) else None)
    if shape is None and isinstance(given, Tensor):
        # The batch of the first call is not that of the others.
        shape = (None, *given.shape[1:]) if given.shape else given.shape
    return interpreter.operation("input", "Input", node, (), dtype="float32", shape=shape, symbolic=True)


def has_input(network: Network) -> bool:
    """Whether a `Sequential` knows its input shape, so that its weights exist before the first call."""
    layers = network.fields.get("layers") or ()
    if not layers:
        return False
    first = layers[0]
    if isinstance(first, Tensor):
        return True
    if isinstance(first, Layer):
        return first.kind == "InputLayer" or any(
            name in first.arguments for name in ("input_shape", "input_dim", "batch_input_shape", "batch_shape")
        )
    return isinstance(first, Network) and first.fields.get("#built") is not False


# -- methods -----------------------------------------------------------------------------------------------------------

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
        for value in call.positional[:1]:
            interpreter.added_losses.append(value)
            losses = (*(this.fields.get("#losses") or ()), value)
            interpreter.store.put(this.fields, "#losses", losses[-8:])
        return NONE
    if name in _PREDICTING and not (isinstance(owner, Instance) and owner.role == "layer"):
        return _predict(interpreter, this, name, call)
    if name in _LOADING:
        interpreter.store.put(this.fields, "#loaded", True)
        return NONE
    if name in _SILENT:
        return UNKNOWN
    if name == "get_layer":
        return _get_layer(interpreter, this, call)
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
            layers, complete = layers_between(parts(outputs))
            interpreter.store.put(this.fields, "#graph", Collection("list", tuple(layers)))
            if not complete:
                interpreter.store.put(this.fields, "_layers_unknown", Collection("list", (), False))
            for index, layer in enumerate(layers):
                interpreter.store.put(this.fields, f"_layer_{index}", layer)
        elif "keras.Sequential" in this.cls.external_bases() and isinstance(inputs, Collection):
            for index, layer in enumerate(inputs.items):
                interpreter.store.put(this.fields, f"_layer_{index}", layer)
    for base in this.cls.external_bases():
        # A wrapper keeps what it wraps under the name of its first argument.
        kept = keras_layers.WRAPPERS.get(base.rpartition(".")[2])
        inner = call.get(kept[0], 0) if kept else None
        if kept and inner is not None:
            interpreter.store.put(this.fields, kept[0], inner)
    stated = call.get("trainable")
    if stated is not None:
        interpreter.store.put(this.fields, "trainable", stated)
    return NONE


def _add_weight(interpreter: Interpreter, owner: Value, call: Call) -> Value:
    names = ("shape", "initializer", "dtype", "trainable")
    if call.positional and isinstance(call.positional[0], Constant) and isinstance(call.positional[0].value, str):
        names = ("name", "shape", "dtype", "initializer")
    arguments: dict[str, Value] = dict(zip(names, call.positional, strict=False))
    arguments.update(call.keywords)
    variable = tensors.make_variable(interpreter, "add_weight", arguments, arguments.get("initializer"), owner, call)
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
        tensors.flatten(call.positional[:1]),
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
