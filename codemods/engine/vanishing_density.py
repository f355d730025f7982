"""Densities far from their centre: `exp(-square)` becomes exactly 0 in single precision, and then so does their sum."""

from __future__ import annotations

from regrad.analysis.events import Trained
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Collection, Constant, Tensor, Value
from regrad.analysis.walking import each_once
from regrad.codemods.engine.magnitude import reaches

_FAR = 14.0
"""`exp(-x ** 2 / 2)` is 0 in single precision from here on; fresh networks give widths of about 1."""
_SUMS = frozenset({"reduce_sum", "sum", "add", "add_n", "reduce_mean", "mean", "stack"})
_SHAPES = frozenset({"squeeze", "expand_dims", "reshape", "getitem", "transpose"})


def vanishes(sink: Sink, value: Value) -> bool:
    """Whether a value is a sum of densities around what a network says, at places far from where that starts."""
    event = sink.event
    if not isinstance(event, Trained) or not _is_density(value):
        return False
    extent = reaches(event.y, None)
    return extent is not None and extent.size >= _FAR and any(_is_truth(each, event) for each in _behind(value))


def _behind(value: Value) -> list[Value]:
    return list(each_once([value], lambda each: each.operation.inputs if isinstance(each, Tensor) else ()))


def _is_truth(value: Value, event: Trained) -> bool:
    """Whether a value is the placeholder that Keras fills with targets: it has no network before it."""
    is_data = isinstance(value, Tensor) and (value.operation.kind, value.operation.name) == ("data", "data")
    if not is_data or event.output is None:
        return False
    return not any(each is value for each in _behind(event.output))


def _is_density(value: Value, depth: int = 0) -> bool:
    """Whether every term has a factor `exp(-square)`."""
    if isinstance(value, Collection):
        return bool(value.items) and all(_is_density(item, depth + 1) for item in value.items)
    if not isinstance(value, Tensor) or depth > 12:
        return False
    operation = value.operation
    inputs = operation.inputs
    if operation.name in _SUMS:
        parts = [part for part in inputs if not isinstance(part, Constant) or operation.name in ("add", "add_n")]
        return bool(parts) and all(_is_density(part, depth + 1) for part in parts)
    if operation.name in ("multiply", "divide", "truediv") and len(inputs) == 2:
        # Below the line a factor that vanishes is another matter.
        factors = inputs if operation.name == "multiply" else inputs[:1]
        return any(_is_density(part, depth + 1) for part in factors)
    if operation.name in _SHAPES and inputs:
        return _is_density(inputs[0], depth + 1)
    return operation.name == "exp" and bool(inputs) and _falls(inputs[0])


def _falls(value: Value, depth: int = 0) -> bool:
    """Whether a value is a negative multiple of a square."""
    if not isinstance(value, Tensor) or depth > 6:
        return False
    operation = value.operation
    inputs = operation.inputs
    if operation.name == "negative" and inputs:
        return _is_square(inputs[0])
    if operation.name in ("multiply", "divide", "truediv") and len(inputs) == 2:
        one, other = inputs
        negative = isinstance(one, Constant) and isinstance(one.value, (int, float)) and one.value < 0
        return (negative and _is_square(other)) or _falls(one, depth + 1)
    return False


def _is_square(value: Value, depth: int = 0) -> bool:
    if not isinstance(value, Tensor) or depth > 6:
        return False
    operation = value.operation
    inputs = operation.inputs
    if operation.name in ("square", "squared_difference"):
        return True
    if operation.name == "pow" and len(inputs) == 2:
        return isinstance(inputs[1], Constant) and inputs[1].value == 2
    if operation.name in ("multiply", "divide", "truediv") and len(inputs) == 2:
        if operation.name == "multiply" and inputs[0] is inputs[1]:
            return True
        return any(_is_square(part, depth + 1) for part in (inputs if operation.name == "multiply" else inputs[:1]))
    return operation.name in ("reduce_sum", "sum") and bool(inputs) and _is_square(inputs[0], depth + 1)
