"""`where(condition, x, y)`: what it was given, by position or by name."""

from __future__ import annotations

from typing import NamedTuple

from regrad.analysis.values import Operation, Value


class Choice(NamedTuple):
    """The operands of `where`: the condition, what stands where it holds, and what elsewhere."""

    condition: Value | None
    chosen: Value | None
    other: Value | None


def choice(operation: Operation) -> Choice:
    """The operands of an operation that is a `where` (of TensorFlow, of NumPy, or `keras.ops`, whose names differ)."""
    given = operation.arguments or {}

    def operand(*names: str) -> Value | None:
        return next((given[name] for name in names if name in given), None)

    return Choice(operand("0", "condition"), operand("1", "x", "x1"), operand("2", "y", "x2"))
