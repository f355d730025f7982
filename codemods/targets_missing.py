"""RG601 targets-missing: the model is compiled with a loss and trained without targets.

What it does
------------
Reports `fit(x)` and `train_on_batch(x)` of a model whose loss needs targets, where the data carry none: an array
alone, a data set of inputs only, a generator or `Sequence` that hands over inputs only (or everything as a list of
inputs), `flow(x)`, `class_mode=None`, `label_mode=None`, a dictionary in which the labels stand among the features.

Why gradients stop
------------------
The loss compares the prediction with the second part of what `fit` is given. Without one it is not computed at all:
Keras 3 raises `None values not supported`, older versions `No gradients provided for any variable`.

Example
-------
Broken::

    autoencoder.compile(optimizer="adam", loss="mse")
    autoencoder.fit(images, epochs=10)

Mended::

    autoencoder.compile(optimizer="adam", loss="mse")
    autoencoder.fit(images, images, epochs=10)

The fix and its safety
----------------------
The target that the program already has: the input itself where the model gives back what it was given, what is in reach
under the name that goes with the input's (`y_train`, `train_labels`), each if there are several, what is unpacked
together with the input and read nowhere, what a mapped function or lambda takes and does not hand on, what a generator,
a mapped function or `__getitem__` computes beside the input and keeps to itself, what `__getitem__` hands over once a
flag of the constructor is on (`to_fit=True`) or its mode is the one that gives the input back, each batch of `flow`
twice, zeros where the loss never reads its targets (a triplet loss), the labels
in the dictionary (by their name, or as the one column that is no input of the model), the labels of the folders.
Unsafe, since which target is meant is a guess; a generator's list of inputs and targets becomes a tuple, which is safe.
Where the program has no target, nothing is offered.

When it stays silent
--------------------
When the model may compute its own loss (`train_step`, `compute_loss`, `add_loss` without a compiled loss, a model
of another library), when what the data hold is not known, and when the arguments of `fit` are unpacked from
elsewhere.

References
----------
- https://github.com/huggingface/transformers/issues/8510
- https://github.com/tensorflow/tensorflow/issues/36413
- regrad, facts: measured behaviour, 3; traps 16 to 19.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from regrad.analysis.events import Trained
from regrad.analysis.operations import lookup
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Constant, Mapping, Tensor, Union_, Unknown
from regrad.codemods.engine import deliveries
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.operations_of import nearest
from regrad.codemods.engine.respelling import file_of
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Rule, Withheld
from regrad.codemods.engine.stacked_pairs import stacked_pair

CODE, NAME = "RG601", "targets-missing"
_ARRAYS_ONLY = ("batch_size", "validation_split")
_SEEN = frozenset({"cast", "to_categorical", "convert_to_tensor", "reshape", "squeeze", "expand_dims"})
_MAKES_ONE = frozenset("stack vstack hstack concatenate array asarray zeros ones empty expand_dims".split())
"""NumPy functions that give one array, whatever they are given."""
_UNSEEN = frozenset({"numpy_function", "py_function", "py_func", "eager_py_func"})


class _Missing(NamedTuple):
    event: Trained
    kind: str
    """`array`, `dataset` (inputs only), `dictionary`, or `list`."""


def detect(program: Program) -> Iterable[Finding]:
    seen: set[int] = set()
    for event in program.of(Trained):
        if id(event.node) in seen or not deliveries.needs_targets(event):
            continue
        kind = _kind(program, event)
        if kind is None:
            continue
        seen.add(id(event.node))
        node = event.x_node or event.node
        path = event.frame.path
        element = deliveries.listed(event)
        if kind == "list" and element is not None and element.node is not None:
            node, path = element.node, file_of(program, element.node) or path
        message = {
            "array": "the loss needs targets, and only inputs are given",
            "dataset": "the loss needs targets, and the data hold inputs only",
            "dictionary": "the loss needs targets, and the data are one dictionary of inputs",
            "list": "inputs and targets come in a list, all of which Keras takes for inputs: there are no targets",
        }[kind]
        yield Finding(CODE, NAME, message, program.files[path].location(node), None, (), (), _Missing(event, kind))


def _kind(program: Program, event: Trained) -> str | None:
    """How the targets are missing; None where they may be there."""
    element = event.data
    if stacked_pair(program, event) is not None:
        return None  # RG602 reports the list
    if element is None:
        if event.y is None or (isinstance(event.y, Constant) and event.y.value is None):
            pair = isinstance(event.x, Collection) and len(event.x.items) == 2 and deliveries.inputs_of(event) == 1
            given = isinstance(event.x, (Collection, Mapping)) or (
                isinstance(event.x, Tensor) and _seen_through(event.x)
            )
            return "array" if given and not pair else None
        return "array" if _surely_an_array(event) else None
    if isinstance(element, Tensor):
        return "dataset" if _seen_through(element) else None
    if isinstance(element, Mapping):
        return "dictionary" if element.entries or not element.complete else None
    if isinstance(element, Collection) and element.kind == "tuple":
        single = element.complete and len(element.items) == 1 and not isinstance(element.items[0], (Unknown, Union_))
        return "dataset" if single else None
    listed = deliveries.listed(event)
    if listed is not None and listed.node is not None:
        inputs = deliveries.inputs_of(event)
        path = file_of(program, listed.node)
        function = deliveries.around(program, listed.node, path) if path is not None else None
        if function is None or getattr(function, "name", "") == "__getitem__":
            return None
        if deliveries.is_nested(listed) and len(listed.items) in (2, 3):
            return "list"
        if inputs is not None and inputs > 1 and inputs == len(listed.items):
            return "dataset"
    return None


def _surely_an_array(event: Trained) -> bool:
    """Whether the one thing that is not known cannot be a data set: `fit` was told how to divide it."""
    call = event.node
    if not isinstance(call, ast.Call) or not isinstance(event.x, Unknown) or event.method != "fit":
        return False
    if event.x.origin != "name" or len(call.args) > 1 or any(word.arg in ("y", None) for word in call.keywords):
        return False
    return any(
        word.arg in _ARRAYS_ONLY and not (isinstance(word.value, ast.Constant) and word.value.value is None)
        for word in call.keywords
    )


def _seen_through(element: Tensor) -> bool:
    """Whether it is one tensor: functions outside TensorFlow may give several."""
    waiting, seen = [element], set[int]()
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        operation = tensor.operation
        name, kind = operation.name, operation.kind
        if kind == "numpy" and name in _MAKES_ONE:
            continue
        if kind == "join":
            if not all(isinstance(part, Tensor) and _made_one(part) for part in operation.inputs):
                return False
        elif name in _UNSEEN or kind == "unknown" or (kind == "op" and lookup(name) is None and name not in _SEEN):
            return False
        waiting.extend(nearest(operation.inputs))
    return True


def _made_one(value: Tensor) -> bool:
    """Whether it is one array for certain, whatever it was made of."""
    operation = value.operation
    if operation.kind == "join":
        return all(isinstance(part, Tensor) and _made_one(part) for part in operation.inputs)
    if operation.name in ("setitem", "astype") and operation.inputs:
        first = operation.inputs[0]
        return isinstance(first, Tensor) and _made_one(first)
    return operation.kind == "numpy" and operation.name in _MAKES_ONE


# -- mending -----------------------------------------------------------------------------------------------------------


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine import given_targets

    found: _Missing = finding.evidence
    offered: list[Mending] = []
    reason = "which target is meant is not certain"
    for title, safety, way in given_targets.ways(program, found.event, found.kind):
        try:
            edits = way()
        except CannotMove as problem:
            reason = problem.reason
            continue
        if edits:
            offered.append(Mending(title, safety, edits))
    return offered or Withheld(reason, _suggestion(found))


def _suggestion(found: _Missing) -> str:
    if found.kind == "array":
        return "model.fit(x, y)  # or model.fit(x, x) for an autoencoder"
    return "yield x, y  # or dataset.map(lambda x: (x, x)) for an autoencoder"


RULE = Rule(CODE, NAME, "mixed", "Which target is meant is read from the program's names and shapes.", detect, mend)
