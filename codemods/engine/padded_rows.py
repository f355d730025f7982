"""Values that are exactly 0 for the rows with which shorter examples are filled up."""

from __future__ import annotations

import ast

from regrad.analysis.library.heads import activation_of
from regrad.analysis.values import Layer, Tensor, Value
from regrad.analysis.walking import each_once

_THROUGH_ZERO = frozenset("linear tanh relu elu selu gelu swish silu leaky_relu softsign".split())
_UNCHANGED = frozenset({"Dropout", "Masking", "Activation", "LeakyReLU", "ReLU", "ELU"})
_SHAPES = frozenset("getitem squeeze reshape expand_dims negative abs square".split())
_DEEPEST = 24


def zero_at_padding(value: Value, given: Value | None) -> bool:
    """Whether the model, fed with padded rows, gives exactly 0 for them until its biases have moved."""
    if given is None or not _padded(given):
        return False
    for _ in range(_DEEPEST):
        if not isinstance(value, Tensor):
            return False
        operation = value.operation
        if operation.kind == "input" or (operation.kind, operation.name) == ("data", "data"):
            return value.shape is not None and len(value.shape) > 2
        if operation.kind == "layer" and not _keeps_zero(operation.callee):
            return False
        if operation.kind not in ("layer", "model") and operation.name not in _SHAPES:
            return False
        if not operation.inputs:
            return False
        value = operation.inputs[0]
    return False


def _keeps_zero(layer: Value | None) -> bool:
    if not isinstance(layer, Layer) or layer.fields.get("loaded") or "bias_initializer" in layer.arguments:
        return False
    if layer.kind == "TimeDistributed":
        return _keeps_zero(layer.arguments.get("layer"))
    return layer.kind in _UNCHANGED | {"Dense"} and activation_of(layer) in _THROUGH_ZERO


def _padded(given: Value) -> bool:
    """Whether zeros are left behind the rows that were written into an array of zeros, or are put there."""
    behind = each_once([given], lambda each: each.operation.inputs if isinstance(each, Tensor) else ())
    return any(_fills_up(each) for each in behind if isinstance(each, Tensor))


def _fills_up(value: Tensor) -> bool:
    operation = value.operation
    if operation.name == "pad":
        stated = operation.arguments or {}
        return not any(name in stated for name in ("2", "3", "mode", "constant_values"))
    if operation.name != "setitem" or not operation.inputs:
        return False
    into = operation.inputs[0]
    if not isinstance(into, Tensor) or into.operation.name not in ("zeros", "zeros_like"):
        return False
    node = operation.node
    if isinstance(node, ast.Assign):
        node = node.targets[0]
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
        return False
    # `x[i, :length] = rows`: where `length` is not a number, it is that of the example.
    ends = (part.upper for part in node.slice.elts if isinstance(part, ast.Slice))
    return any(end is not None and not isinstance(end, ast.Constant) for end in ends)
