"""Whether a variable is used as the weights of a network are, and starts as they do."""

from __future__ import annotations

from regrad.analysis.operations import is_integer
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Constant, Tensor, Value, Variable

_LOOKUPS = frozenset({"gather", "embedding_lookup"})
_PRODUCTS = frozenset({"matmul", "tensordot", "MatMult"})
_RANDOM = frozenset({"normal", "uniform", "truncated_normal", "random_normal", "random_uniform", "glorot_uniform"})


def is_random_weight(sink: Sink, variable: Value) -> bool:
    """Whether a variable starts from random numbers and is used as weights are: looked up, or multiplied from the
    right. Data and noise are kept in variables, too.
    """
    if not isinstance(variable, Variable):
        return False
    stated, initial = variable.fields.get("trainable"), variable.initial
    if stated is not None and not (isinstance(stated, Constant) and stated.value):
        return False
    if is_integer(variable.fields.get("dtype")) or variable.owner is not None:
        return False
    if not isinstance(initial, Tensor) or initial.operation.name not in _RANDOM:
        return False
    uses = [
        (tensor.operation, [part is variable for part in tensor.operation.inputs])
        for tensor in sink.alive
        if any(part is variable for part in tensor.operation.inputs)
    ]
    return bool(uses) and all(
        (operation.name in _LOOKUPS and places.index(True) == 0)
        or (operation.name in _PRODUCTS and places.index(True) == 1)
        for operation, places in uses
    )
