"""What a layer or a model yields when it is called."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis import iteration
from regrad.analysis.events import ModelCalled
from regrad.analysis.library import keras_layers, operation_calls
from regrad.analysis.library.heads import activation_of
from regrad.analysis.library.sequential import build_sequential
from regrad.analysis.operations import Transfer
from regrad.analysis.values import (
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
    Partial,
    Shape,
    Tensor,
    Unknown,
    Value,
)
from regrad.analysis.weights import sublayers

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter


def call_layer(interpreter: Interpreter, layer: Layer | Network, call: Call) -> Value:
    """`layer(inputs)` of a library layer or model."""
    if isinstance(layer, Network):
        return _call_network(interpreter, layer, call)
    inputs = operation_calls.flatten(tuple(value for key, value in _layer_inputs(call)))
    _build(interpreter, layer)
    interpreter.store.put(layer.fields, "#called", True)
    first = inputs[0] if inputs else None
    shape = first.shape if isinstance(first, Tensor) else None
    since = interpreter.serial
    with interpreter.describing_with(inputs):
        result = apply(interpreter, layer, call, inputs, shape)
    if layer.kind == "Lambda":
        note_taken(interpreter, since, inputs, result)
    calls = (*(layer.fields.get("#calls") or ()), (first if first is not None else UNKNOWN, result))
    interpreter.store.put(layer.fields, "#calls", calls[-4:])
    return result


def note_taken(interpreter: Interpreter, since: int, inputs: tuple[Value, ...], result: Value) -> None:
    """Keep what a layer was given for a model that is made of its result: whatever it computes of one part alone, Keras
    holds the layers that lead to all of them.
    """
    for part in operation_calls.flatten((result,)) if len(inputs) > 1 else ():
        if isinstance(part, Tensor) and part.operation.serial > since:
            interpreter.taken[id(part.operation)] = (part.operation, inputs)


def _build(interpreter: Interpreter, layer: Layer) -> None:
    """The first call makes the weights, those of a wrapped layer among them."""
    stack: list[Value] = [layer]
    while stack:
        current = stack.pop()
        if isinstance(current, Layer) and not current.fields.get("#built"):
            interpreter.store.put(current.fields, "#built", True)
            stack.extend(sublayers(current))


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
    applied = call.get("training")
    switched_off = layer.kind != "Resizing" and isinstance(applied, Constant) and not applied.value
    if keras_layers.raises(layer, interpreter.keras) and not switched_off:
        transfer = Transfer.MISSING
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
        dtype="int64" if transfer is Transfer.INTEGER else "float32",
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
    arguments = operation_calls.flatten(tuple(value for _, value in _layer_inputs(call)))
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
        like = network.fields.get("#like")
        modelled: tuple[Value, ...] = (like.fields.get("outputs") or ()) if isinstance(like, Network) else ()
        if len(modelled) == 1 and isinstance(modelled[0], Tensor):
            shape = modelled[0].shape
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
            made = Mapping(dict(zip(structure.entries, results, strict=False)), structure.complete)
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
