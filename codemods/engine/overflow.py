"""Exponentials in the branch that `tf.where` discards just where they overflow."""

from __future__ import annotations

from regrad.analysis.values import Constant, Operation, Tensor, Value, Variable
from regrad.codemods.engine.magnitude import reaches

OVERFLOWING = frozenset({"exp", "expm1", "sinh", "cosh"})
_LARGEST = 89.0
"""Of a number above this the exponential is infinite in single precision."""
_GREATER, _LESS = frozenset({"greater", "greater_equal"}), frozenset({"less", "less_equal"})


def overflows(operation: Operation, comparison: Operation, first: bool, given: Value | None) -> bool:
    """Whether the exponential becomes infinite where the comparison discards it, with the data that the model is fed.

    `first` says that it stands in the branch for which the comparison holds.
    """
    if operation.name not in OVERFLOWING or not operation.inputs or len(comparison.inputs) != 2:
        return False
    if comparison.name not in _GREATER | _LESS:
        return False
    argument = operation.inputs[0]
    for place, (one, other) in enumerate((comparison.inputs, comparison.inputs[::-1])):
        sign = _direction(argument, one)
        if not sign or not _number(other):
            continue
        greater = (comparison.name in _GREATER) == (place == 0)
        # In the branch for `x > c` the small numbers are discarded, in the other one the large ones.
        discards_large = greater != first
        extent = reaches(argument, given)
        if extent is None:
            return False
        upwards = discards_large == (sign > 0)
        return extent.high >= _LARGEST if upwards else operation.name in ("sinh", "cosh") and extent.low <= -_LARGEST
    return False


def _number(value: Value) -> bool:
    if isinstance(value, Tensor):
        return value.operation.name in ("zeros_like", "zeros")
    return isinstance(value, Constant) and isinstance(value.value, (int, float))


def _direction(argument: Value, compared: Value, depth: int = 0) -> int:
    """1 where the argument grows with what is compared, -1 where it falls, 0 where neither is certain."""
    if argument is compared:
        return 1
    if not isinstance(argument, Tensor) or depth > 4:
        return 0
    operation = argument.operation
    inputs = operation.inputs
    if operation.name == "negative" and inputs:
        return -_direction(inputs[0], compared, depth + 1)
    if operation.kind != "operator" or len(inputs) != 2:
        return 0
    one, other = inputs
    if operation.name in ("add", "subtract"):
        if _number(other):
            return _direction(one, compared, depth + 1)
        turned = -1 if operation.name == "subtract" else 1
        return turned * _direction(other, compared, depth + 1) if _number(one) else 0
    if operation.name == "multiply" or (operation.name in ("divide", "truediv") and _factor(other)):
        for factor, rest in ((one, other), (other, one)):
            if _factor(factor):
                return _factor(factor) * _direction(rest, compared, depth + 1)
    return 0


def _factor(value: Value) -> int:
    """The sign of a number, or of a variable that starts with one sign."""
    extent = reaches(value, None) if isinstance(value, (Constant, Variable)) else None
    if extent is None:
        return 0
    return 1 if extent.low > 0 else -1 if extent.high < 0 else 0
