"""Fresh weights that the loss depends on and that nothing trains; told only where a weight must have been meant.

A matrix in no list of variables may have been forgotten. It may also be a critic or a target network that is trained
elsewhere, the network that gives the labels, or data that the program keeps in variables.
"""

# Python 3.9 has no `zip(strict=...)`.
# ruff: noqa: B905
from __future__ import annotations

from typing import Any

from .dataflow import (
    ASSIGNS,
    READS,
    Graph,
    below,
    held,
    holds_data,
    is_float,
    readers,
    same_shape,
    same_value,
    sides,
    users,
)
from .recorder import Recorder

MOST_PROBED = 200
"""Variables beyond the sources whose path to the loss is looked for with a backward pass of our own."""
CONTRACTIONS = ("MatMul", "Conv", "Einsum")
ELEMENTWISE = {"Add", "AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Minimum"}
JOINED = {"Add", "AddV2", "AddN", "BiasAdd", "Concat", "ConcatV2"}
"""Operations that make one prediction of two; what is subtracted, or handed to a loss as labels, is compared."""


def probe_unasked(recorder: Recorder, tape: Any, c_tape: Any, target: Any, sources: Any) -> None:
    """Finds out which variables the loss depends on although no gradient is asked for them."""
    if c_tape is None or recorder.mode != "eager":
        return
    from tensorflow.python.eager import imperative_grad

    nest = recorder.tf.nest
    given = {id(recorder.raw(source)) for source in nest.flatten(sources)}
    unasked = [
        variable
        for variable in tape.watched_variables()
        if id(recorder.raw(variable)) not in given and id(recorder.raw(variable)) not in recorder.reached
    ][:MOST_PROBED]
    targets = [leaf for leaf in nest.flatten(target) if hasattr(leaf, "dtype")]
    asked = [source for source in nest.flatten(sources) if recorder.is_variable(source)]
    if not unasked or not targets or not asked or recorder.trail is None or recorder.trail.lost:
        return
    recorder.paused += 1
    try:
        handles = [recorder.raw(variable).handle for variable in unasked]
        gradients = imperative_grad.imperative_grad(c_tape, targets, handles)
        felt = [
            variable
            for variable, gradient in zip(unasked, gradients)
            if gradient is not None and recorder.measure(gradient)[0] == "flows"
        ]
        graph = Graph(recorder.trail)
        for variable in felt:
            if forgotten(recorder, graph, variable, asked, targets):
                recorder.reached[id(recorder.raw(variable))] = recorder.site()
    except Exception:  # a private interface: without it nothing is said of variables left out
        return
    finally:
        recorder.paused -= 1


def forgotten(recorder: Recorder, graph: Graph, variable: Any, asked: list[Any], targets: list[Any]) -> bool:
    """Whether the variable stands where only a weight of the prediction stands: before, beside or between the others.

    What works on all that the trained ones have made judges them (a critic). What meets them only in a comparison gives
    them their targets (a teacher).
    """
    above = {
        index
        for index in graph.ancestors(targets, past_writes=False)
        if graph.operations[index].kind not in ASSIGNS  # what a step has written is no part of the next one's path
    }
    children = graph.children()
    reading = readers(recorder, graph, variable) & above
    trained = [each for each in (readers(recorder, graph, source) & above for source in asked) if each]
    made = below(children, reading, above)
    at = meetings(graph, children, reading, above)
    # A matrix that is multiplied with the trained one itself works on it: the trained one is an input that is fitted.
    product = {index for index in at if any(part in graph.operations[index].kind for part in CONTRACTIONS)}
    before = any(meetings(graph, children, each, above) & (made - product) for each in trained)
    if trained and not before:
        inputs = [item for index in at for item in graph.operations[index].inputs]
        behind = graph.ancestors(inputs, past_writes=False)
        if all(each & behind for each in trained):
            return False
        by_others = below(children, set().union(*trained), above)
        if not any(each & behind for each in trained) and not joined(graph, made, by_others):
            return False
    looked_up = any(looks_up(graph, index) for each in trained for index in users(graph, each) | each)
    return is_weight(recorder, graph, variable, reading, made, looked_up)


def meetings(graph: Graph, children: list[list[int]], reading: set[int], above: set[int]) -> set[int]:
    """The operations in which a variable, reshaped or normalised by itself or not, meets something else."""
    alone: set[int] = set()
    found: set[int] = set()
    for index in sorted(below(children, reading, above)):
        operation = graph.operations[index]
        if index in reading and operation.kind in READS and not looks_up(graph, index):
            alone.add(index)
            continue
        if index not in reading and not any(parent in alone for parent in graph.parents[index]):
            continue
        others = [
            item
            for item in operation.inputs
            if is_float(item) and sides(item) != [] and graph.maker.get(id(item)) not in alone
        ]
        # A variable that was read without an operation of its own is one of the others.
        (alone if len(others) <= (1 if index in reading else 0) else found).add(index)
    return found


def joined(graph: Graph, made: set[int], by_others: set[int]) -> bool:
    """Whether what the variable and the trained ones made becomes one prediction; the sum of two losses is a number."""
    for index in made & by_others:
        operation = graph.operations[index]
        if operation.kind not in JOINED or len(sides(operation.outputs[0]) or ()) < 2:
            continue
        makers = [graph.maker.get(id(item)) for item in operation.inputs]
        if any(one in made and one not in by_others for one in makers) and any(
            one in by_others and one not in made for one in makers
        ):
            return True
    return False


def looks_up(graph: Graph, index: int) -> bool:
    return "Gather" in graph.operations[index].kind


def is_weight(
    recorder: Recorder, graph: Graph, variable: Any, reading: set[int], made: set[int], looked_up: bool
) -> bool:
    """Whether data is multiplied by the variable, or every sample of it combined with the same values.

    A variable that stands in the place of the data, or is added to it sample by sample, may be data itself. So may one
    whose rows are chosen, unless several are for each sample, or the rows of trained ones are too (`looked_up`).
    """
    raw = recorder.raw(variable)
    if recorder.sites.layer_of(recorder, id(raw)) is not None:
        return True
    handle = held(raw)
    value = recorder.value(raw)
    alone: set[int] = set()
    for index in sorted(made | reading):
        operation = graph.operations[index]
        own: list[Any] = []
        others: list[Any] = []
        for item in operation.inputs:
            maker = graph.maker.get(id(item))
            mine = item is handle or maker in alone or (index in reading and is_copy(recorder, item, raw, maker, value))
            (own if mine else others).append(item)
        others = [item for item in others if is_float(item) and len(sides(item) or ()) > 0]
        if not own:
            continue
        if looks_up(graph, index) and (looked_up or any(len(sides(item) or ()) > 1 for item in operation.inputs[1:])):
            return True
        if not others:
            alone.add(index)
        elif any(holds_data(recorder, graph, item) for item in others) and (
            any(part in operation.kind for part in CONTRACTIONS) or spread(operation, own[0])
        ):
            return True
    return False


def is_copy(recorder: Recorder, item: Any, raw: Any, maker: int | None, value: Any) -> bool:
    """Whether the tensor is the variable as TensorFlow's fast path reads it: without an operation of its own."""
    return maker is None and same_shape(item, raw) and same_value(recorder, item, value)


def spread(operation: Any, values: Any) -> bool:
    """Whether these values were combined with every sample of larger ones."""
    return operation.kind in ELEMENTWISE and sides(operation.outputs[0]) != sides(values)


def left_out(recorder: Recorder, variables: list[dict[str, Any]]) -> list[str]:
    """Matrices that the loss depends on and that nothing trains: never asked for, never written, freshly made.

    Vectors and numbers are left aside (a weight of a loss that is raised by hand is one), save those that a layer
    of the program's own holds and does not own; and so is what was loaded, trained or copied before.
    """
    if not recorder.stepped or recorder.pending() or "restored" in recorder.notes:
        return []
    if any(item.endswith("instead of pretrained ones") for item in recorder.supplied):
        return []
    return [
        item["name"]
        for identity, item in zip(recorder.reported, variables)
        if identity in recorder.reached
        and item["gradient"] == "not-asked"
        and item["trainable"]
        and not item["changed"]
        and (len(item["shape"]) >= 2 or held_by_layer(recorder, identity, alone=bool(item["shape"])))
        and identity not in recorder.touched
    ]


def held_by_layer(recorder: Recorder, identity: int, *, alone: bool) -> bool:
    """Whether it is an attribute of a layer, or one of several in a list there.

    Keras 3 trains what `add_weight` makes, and no variable of TensorFlow. A single number may be a setting.
    """
    layers = [reference() for reference, _ in recorder.sites.layers]
    for layer in layers:
        for value in vars(layer).values() if layer is not None else ():
            several = list(value) if isinstance(value, (list, tuple)) else []
            if (alone and id(value) == identity) or any(id(each) == identity for each in several):
                return True
    return False
