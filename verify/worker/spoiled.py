"""Finds the operation at which a gradient becomes NaN, infinite or exactly zero, from the trail of operations."""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

from typing import Any

from .dataflow import Graph, is_float
from .recorder import Recorder, Track
from .trail import Trail, span_of

MOST_TENSORS = 3000


def locate_values(
    recorder: Recorder, trail: Trail, c_tape: Any, target: Any, spoiled: list[Track], wanted: str
) -> list[dict[str, Any]]:
    """Where a finite gradient becomes NaN or infinite (`non-finite`), or a flowing one exactly zero (`zero-slope`)."""
    import numpy
    from tensorflow.python.eager import imperative_grad

    graph = Graph(trail)
    targets = [leaf for leaf in recorder.tf.nest.flatten(target) if hasattr(leaf, "dtype")]
    above = sorted(graph.ancestors(targets))
    if wanted == "non-finite":
        for index in above:
            operation = graph.operations[index]
            if spoils(operation.outputs) and not spoils(operation.inputs) and operation.place:
                return [
                    {
                        "kind": wanted,
                        "place": span_of(operation.place[-1]),
                        "operation": operation.kind,
                        "tracks": spoiled,
                    }
                ]
    tensors: dict[int, Any] = {}
    for index in above:
        operation = graph.operations[index]
        for item in (*operation.inputs, *operation.outputs):
            if is_float(item) and len(tensors) < MOST_TENSORS:
                tensors[id(item)] = item
    order = list(tensors)
    gradients = imperative_grad.imperative_grad(c_tape, targets, [tensors[key] for key in order])
    seen: dict[int, str] = {}
    for key, gradient in zip(order, gradients):
        array = None if gradient is None else numpy.asarray(getattr(gradient, "values", gradient).numpy())
        if array is not None:
            seen[key] = (
                "non-finite" if not numpy.all(numpy.isfinite(array)) else "zero" if not numpy.any(array) else "flows"
            )
    bad = "non-finite" if wanted == "non-finite" else "zero"
    for index in reversed(above):
        operation = graph.operations[index]
        outputs = {seen[id(item)] for item in operation.outputs if id(item) in seen}
        inputs = {seen[id(item)] for item in operation.inputs if id(item) in seen}
        if operation.place and outputs == {"flows"} and bad in inputs and (bad == "non-finite" or inputs == {"zero"}):
            return [
                {"kind": wanted, "place": span_of(operation.place[-1]), "operation": operation.kind, "tracks": spoiled}
            ]
    return []


def spoils(tensors: Any) -> bool:
    import numpy

    for tensor in tensors:
        if (
            is_float(tensor)
            and hasattr(tensor, "numpy")
            and not numpy.all(numpy.isfinite(numpy.asarray(tensor.numpy())))
        ):
            return True
    return False
