"""What a model does first with its input: whether a tape that does not watch the input would have a record of it."""

from __future__ import annotations

from regrad.analysis.values import Constant, Operation, Tensor, Value

_MAKING = frozenset(
    "Flatten Reshape Permute RepeatVector Rescaling Softmax ReLU LeakyReLU ELU MaxPooling1D MaxPooling2D MaxPooling3D "
    "AveragePooling1D AveragePooling2D AveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D "
    "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D "
    "Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D UpSampling3D".split()
)
"""Layers without weights that always make a new tensor; others (`Dropout` in inference) may hand on the very same."""


def starts_off_the_record(call: Operation, given: Value) -> bool:
    """Whether the call of a model certainly makes something of this input first that no watched variable has a part in.

    A tape records such a step for the sake of the input alone: who watches the input afterwards has watched too late.
    """
    if call.kind != "model" or len(call.inputs) != 2 or call.inputs[1] is not given or not isinstance(given, Tensor):
        return False
    placeholders: set[int] = set()
    first: list[Operation] = []
    seen: set[int] = set()
    stack: list[Value] = [call.inputs[0]]
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if not isinstance(value, Tensor):
            if not isinstance(value, Constant):
                return False
            continue
        if value.operation.kind == "input":
            placeholders.add(id(value))
            continue
        if any(isinstance(part, Tensor) and part.operation.kind == "input" for part in value.operation.inputs):
            first.append(value.operation)
        stack.extend(value.operation.inputs)
    return len(placeholders) == 1 and bool(first) and all(_makes_alone(operation) for operation in first)


def _makes_alone(operation: Operation) -> bool:
    """Whether it makes a new tensor of its input, and reads nothing else that a tape could watch."""
    if operation.sources or not (operation.kind == "operator" or operation.name in _MAKING):
        return False
    return all(
        isinstance(part, Constant) or (isinstance(part, Tensor) and part.operation.kind == "input")
        for part in operation.inputs
    )
