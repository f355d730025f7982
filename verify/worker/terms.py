"""The terms of a loss: which of them send gradients back to the weights that they come from, and which are stopped."""

from __future__ import annotations

from typing import Any

from .dataflow import Graph, is_float, readers
from .recorder import Recorder

# Keras 3 stacks the losses of a model before it adds them up.
SUMS = {"Add", "AddV2", "AddN", "Sub", "Pack", "ConcatV2"}
PRODUCTS = {"Mul", "RealDiv", "DivNoNan"}
PASSED = {"Neg", "Identity", "Cast", "Reshape", "Squeeze", "ExpandDims", "Mean", "Sum"}
STOPS = {"StopGradient", "PreventGradient"}
MOST = 64


def count_terms(recorder: Recorder, trail: Any, target: Any, sources: list[Any]) -> tuple[int, int]:
    """How many summands of the loss have a way to the sources, and how many have it through `stop_gradient` alone."""
    graph = Graph(trail)
    reading: set[int] = set()
    for source in sources:
        if recorder.is_variable(source):
            reading |= readers(recorder, graph, source)
    targets = [leaf for leaf in recorder.tf.nest.flatten(target) if hasattr(leaf, "dtype")]
    summands = [each for leaf in targets for each in summands_of(graph, leaf, reading)]
    open_ones = sum(depends(graph, each, reading, past_stops=False) for each in summands)
    return open_ones, sum(depends(graph, each, reading, past_stops=True) for each in summands) - open_ones


def summands_of(graph: Graph, tensor: Any, reading: set[int]) -> list[Any]:
    """What is added up to the loss; a factor that no weight is behind is passed by."""
    found: list[Any] = []
    todo = [tensor]
    while todo and len(found) < MOST:
        item = todo.pop()
        index = graph.maker.get(id(item))
        operation = graph.operations[index] if index is not None else None
        given = [each for each in operation.inputs if is_float(each)] if operation is not None else []
        if operation is not None and operation.kind in SUMS:
            todo += given
        elif operation is not None and operation.kind in PASSED and given:
            todo.append(given[0])
        elif operation is not None and operation.kind in PRODUCTS:
            weighed = [each for each in given if depends(graph, each, reading, past_stops=True)]
            todo += weighed if len(weighed) == 1 else []
            found += [item] if len(weighed) > 1 else []
        else:
            found.append(item)
    return found


def depends(graph: Graph, tensor: Any, reading: set[int], *, past_stops: bool) -> bool:
    """Whether a tensor is computed from what was read of the sources."""
    todo = [graph.maker[id(tensor)]] if id(tensor) in graph.maker else []
    seen: set[int] = set()
    while todo:
        index = todo.pop()
        if index in reading:
            return True
        if index not in seen and (past_stops or graph.operations[index].kind not in STOPS):
            seen.add(index)
            todo += graph.parents[index]
    return False
