"""Steps along a gradient that a program takes by hand: `w = w - rate * gradient`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis.events import Assigned, Moved
from regrad.analysis.values import Gradients, Tensor, Unknown, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter
    from regrad.analysis.program import Program

_DEEPEST = 5
"""So many operations may lie between the gradient and the step: a rate, a clip, a mean."""


def note(interpreter: Interpreter, node: ast.Assign | ast.AugAssign, value: Value) -> None:
    """Emit a step where the value is a sum or difference of something and a gradient."""
    operation = value.operation if isinstance(value, (Tensor, Unknown)) else None
    if operation is None or len(operation.inputs) != 2:
        return
    before, by = operation.inputs
    if holds_gradient(by) and not holds_gradient(before):
        interpreter.emit(Moved(node, interpreter.frame, interpreter.tick(), before, value))


def holds_gradient(value: Value, depth: int = 0) -> bool:
    """Whether a value is a gradient, or computed from one in a few operations."""
    if isinstance(value, Gradients):
        return True
    operation = value.operation if isinstance(value, (Tensor, Unknown)) else None
    if operation is None or depth > _DEEPEST:
        return False
    if operation.kind == "gradient":
        return True
    return any(holds_gradient(part, depth + 1) for part in operation.inputs[:4])


def moved_by_hand(program: Program) -> frozenset[int]:
    """The identities of the variables to which something is assigned that was computed from a gradient."""
    return program.once(_moved_by_hand)


def _moved_by_hand(program: Program) -> frozenset[int]:
    return frozenset(id(event.variable) for event in program.of(Assigned) if holds_gradient(event.value))
