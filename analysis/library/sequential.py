"""Sequential models: built from their layers when an input is known."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis.library import literals
from regrad.analysis.values import Constant, Layer, Network, Object, Shape, Tensor, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter


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
    shape = literals.sizes(layer.arguments.get("input_shape") or layer.arguments.get("shape"))
    if shape is None:
        batch = literals.sizes(layer.arguments.get("batch_shape") or layer.arguments.get("batch_input_shape"))
    else:
        batch = (None, *shape)
    return interpreter.operation("input", "InputLayer", node, (), dtype="float32", shape=batch, symbolic=True)


def _first_input(interpreter: Interpreter, layer: Value, node: ast.AST, given: Value | None) -> Tensor:
    shape: Shape | None = None
    if isinstance(layer, Layer):
        stated = layer.arguments.get("input_shape") or layer.arguments.get("batch_input_shape")
        dimension = layer.arguments.get("input_dim")
        if stated is not None:
            sizes = literals.sizes(stated)
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


def has_input(network: Network, keras: int) -> bool:
    """Whether a `Sequential` knows its input shape, so that its weights exist before the first call.

    An `Embedding` does in Keras 2, whose `input_dim` says how many rows its table has and nothing of the input.
    """
    layers = network.fields.get("layers") or ()
    if not layers:
        return False
    first = layers[0]
    if isinstance(first, Tensor):
        return True
    if isinstance(first, Layer):
        stated = {"input_shape", "batch_input_shape", "batch_shape"}
        if first.kind == "Embedding":
            return keras == 2 or not stated.isdisjoint(first.arguments)
        return first.kind == "InputLayer" or not {"input_dim", *stated}.isdisjoint(first.arguments)
    if isinstance(first, Network) and first.form == "sequential" and not first.fields.get("#built"):
        return has_input(first, keras)
    return isinstance(first, Network) and first.fields.get("#built") is not False
