"""The head of a model: its last activation and number of units, told from the operations that made its output."""

from __future__ import annotations

from regrad.analysis.events import Head
from regrad.analysis.library import keras_layers
from regrad.analysis.library.inherited_calls import lone_output
from regrad.analysis.values import UNKNOWN, Constant, External, Instance, Layer, Network, Tensor, Value

_TRANSPARENT_LAYERS = frozenset(
    {"Flatten", "Reshape", "Dropout", "Identity", "Permute", "GaussianNoise", "ActivityRegularization"}
)
_TRANSPARENT_OPERATIONS = frozenset({"reshape", "squeeze", "expand_dims", "flatten", "identity", "cast", "transpose"})
_ACTIVATIONS = frozenset(
    "softmax sigmoid tanh relu elu selu softplus linear gelu log_softmax hard_sigmoid swish silu".split()
)


def activation_of(layer: Layer) -> str | None:
    """The name of a layer's activation: `linear` for none, None where it is not known."""
    if layer.kind in keras_layers.ADVANCED_ACTIVATIONS:
        return keras_layers.ADVANCED_ACTIVATIONS[layer.kind]
    stated = layer.arguments.get("activation")
    if stated is None:
        return "tanh" if layer.kind in ("LSTM", "GRU", "SimpleRNN") else "linear"
    return activation_name(stated)


def activation_name(value: Value) -> str | None:
    """The activation that an argument names."""
    if isinstance(value, Constant):
        if value.value is None:
            return "linear"
        return value.value if isinstance(value.value, str) else None
    if isinstance(value, External):
        last = value.name.rpartition(".")[2]
        return last if last in _ACTIVATIONS else None
    if isinstance(value, Layer):
        return activation_of(value)
    return None


def head_of(value: Value, name: str | None = None) -> Head:
    """The head that made a prediction, as far as it can be told."""
    output = value
    shape = value.shape if isinstance(value, Tensor) else None
    rank = len(shape) if shape is not None else None
    activation: str | None = None
    holder: Layer | None = None
    for _ in range(64):
        if not isinstance(value, Tensor):
            break
        operation = value.operation
        callee = operation.callee
        if operation.kind == "model" and operation.inputs and isinstance(callee, Network) and callee.form != "opaque":
            value = operation.inputs[0]
            continue
        if operation.kind == "model" and isinstance(callee, Instance):
            described = lone_output(callee)
            if described is None:
                break
            value = described
            continue
        if operation.kind == "layer" and isinstance(callee, Layer):
            if callee.kind in _TRANSPARENT_LAYERS and operation.inputs:
                value = operation.inputs[0]
                continue
            if callee.kind == "TimeDistributed":
                inner = callee.arguments.get("layer")
                if isinstance(inner, Layer) and inner.kind == "Dense":
                    callee = inner
            if callee.kind in keras_layers.ADVANCED_ACTIVATIONS or callee.kind == "Activation":
                if activation is None or activation == "linear":
                    activation, holder = activation_of(callee), callee
                    if activation is None:
                        break
                value = operation.inputs[0] if operation.inputs else UNKNOWN
                continue
            own = activation_of(callee) if callee.kind in keras_layers.WEIGHTED else None
            if activation is None or activation == "linear":
                activation, holder = own, callee
            if callee.kind in keras_layers.WEIGHTED and "Norm" not in callee.kind:
                units = (
                    shape[-1]
                    if shape and shape[-1] is not None
                    else keras_layers.units(callee)
                    if rank == 2 or callee.kind == "Dense"
                    else None
                )
                return Head(activation, units, holder, callee, rank, shape, output, name)
            break
        if operation.kind == "op" and operation.name in ("softmax", "sigmoid") and operation.inputs:
            if activation is None:
                activation = operation.name
            value = operation.inputs[0]
            continue
        if operation.kind == "op" and operation.name in _TRANSPARENT_OPERATIONS and operation.inputs:
            value = operation.inputs[0]
            continue
        break
    units = shape[-1] if shape and len(shape) > 1 else None
    return Head(
        activation if activation in ("softmax", "sigmoid") else None, units, holder, None, rank, shape, output, name
    )
