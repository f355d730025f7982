"""What becomes of gradients: the optimizer call that they reach, and whether they are used at all."""

from __future__ import annotations

from collections.abc import Iterator

from regrad.analysis.events import Applied, GradientTaken
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Gradients, Mapping, Tensor, Union_, Unknown, Value, Variable, Zip


def gradients_in(value: Value) -> Iterator[Gradients]:
    """The gradients from which a value is made, at any depth."""
    stack: list[Value] = [value]
    seen: set[int] = set()
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, Gradients):
            yield current
        elif isinstance(current, Collection):
            stack.extend(current.items)
        elif isinstance(current, Mapping):
            stack.extend(current.entries.values())
        elif isinstance(current, Zip):
            stack.extend(current.parts)
        elif isinstance(current, Union_):
            stack.extend(current.alternatives)
        elif isinstance(current, Unknown):
            stack.extend(current.parents)
            if current.operation is not None:
                stack.extend(current.operation.inputs)
        elif isinstance(current, Tensor):
            stack.extend(current.operation.inputs)


def from_gradient(value: Value, depth: int = 0) -> bool:
    """Whether a value is a gradient, or computed from one in a few steps."""
    if isinstance(value, Gradients):
        return True
    if not isinstance(value, Tensor) or depth > 6:
        return False
    return value.operation.kind == "gradient" or any(from_gradient(part, depth + 1) for part in value.operation.inputs)


def replaces_variable(value: Value) -> bool:
    """Whether a tensor is what `w = w - rate * gradient` made of a variable, in the first pass or a later one."""
    for _ in range(4):
        if (
            not isinstance(value, Tensor)
            or value.operation.kind != "operator"
            or not any(from_gradient(part) for part in value.operation.inputs)
        ):
            return False
        if any(isinstance(part, Variable) for part in value.operation.inputs):
            return True
        node = value.operation.node
        earlier = [part for part in value.operation.inputs if isinstance(part, Tensor) and part.operation.node is node]
        if not earlier:
            return False
        value = earlier[0]
    return False


def of(program: Program, event: GradientTaken) -> Applied | None:
    """The optimizer call that gets the gradients of one request; None where none is seen to."""
    for applied in program.of(Applied):
        if applied.serial < event.serial:
            continue
        for gradients in gradients_in(applied.pairs):
            if gradients.event is event:
                return applied
    return None
