"""RG602 targets-in-list: inputs and targets come in a list, which Keras takes for a list of inputs.

What it does
------------
Reports a generator or a mapped data set that hands over `[x, y]`, `from_tensor_slices([x, y])`, and `fit([x, y])` or
`fit(pair)`, where `pair` is a list or tuple of two arrays, for a model with one input.

Why gradients stop
------------------
Keras tells inputs from targets by a tuple. A list is one structure of inputs: there are no targets, so no loss can
be computed. Older versions end in `No gradients provided for any variable`, Keras 3 says that a generator must
return a tuple. `from_tensor_slices` stacks the parts of a list into one tensor, whose two rows are all the data.

Example
-------
Broken::

    def batches():
        while True:
            yield [x, y]

Mended::

    def batches():
        while True:
            yield x, y

The fix and its safety
----------------------
The list becomes a tuple. Safe: the same things are handed over, and Keras takes them for what they are. A list that
is changed after it was made becomes a tuple where it is handed over. For `from_tensor_slices` unsafe, since the data
set holds other elements then.

When it stays silent
--------------------
When the model may take what is in the list as its inputs (as many inputs as there are parts), for a `Sequence` or
`PyDataset` that is given to `fit` itself, of which Keras 3 accepts a list, when what a generator hands over is not
written as a list, when not all that is in a list made elsewhere is known, and for a list that starts with a list of
inputs (RG601). For slices whose parts are samples rather than arrays of samples, and where functions are mapped over
the stacked tensor.

References
----------
- https://github.com/tensorflow/tensorflow/issues/42038
- regrad, facts: error sites, `generator_data_adapter.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Dataset, Tensor, Unknown
from regrad.codemods.engine.deliveries import around, as_tuple, inputs_of, is_nested, listed, needs_targets
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.stacked_pairs import StackedPair, stacked_pair

CODE, NAME = "RG602", "targets-in-list"


class _Listed(NamedTuple):
    node: ast.expr
    path: str
    call: ast.Call | None
    alike: bool = True
    """Whether the call is given such a list each time."""
    stacked: StackedPair | None = None
    """Where the list is given to `from_tensor_slices`."""


def detect(program: Program) -> Iterable[Finding]:
    from regrad.codemods.engine.respelling import file_of

    seen: set[int] = set()
    for event in program.of(Trained):
        if not needs_targets(event):
            continue
        related = (Related(program.location(event.node, event.frame), "the model is trained with it here"),)
        element = listed(event)
        if element is not None and isinstance(element.node, ast.List) and not is_nested(element):
            inputs = inputs_of(event)
            path = file_of(program, element.node)
            if path is None or len(element.items) not in (2, 3) or inputs not in (None, 1) or id(element.node) in seen:
                continue
            function = around(program, element.node, path)
            by_index = isinstance(function, ast.FunctionDef) and function.name == "__getitem__"
            if by_index and not isinstance(event.source, Dataset):
                continue
            seen.add(id(element.node))
            message = "inputs and targets come in a list, which Keras takes for a list of inputs without targets"
            evidence = _Listed(element.node, path, None)
            yield Finding(CODE, NAME, message, program.files[path].location(element.node), None, (), related, evidence)
        pair_of_arrays = stacked_pair(program, event)
        if pair_of_arrays is not None and id(pair_of_arrays.node) not in seen:
            seen.add(id(pair_of_arrays.node))
            message = "`from_tensor_slices` stacks this list into one tensor, so there are no targets"
            where = program.location(pair_of_arrays.node, pair_of_arrays.path)
            evidence = _Listed(pair_of_arrays.node, pair_of_arrays.path, None, True, pair_of_arrays)
            yield Finding(CODE, NAME, message, where, None, (), related, evidence)
        given = event.x
        node = event.x_node
        if (
            event.data is None
            and event.y is None
            and isinstance(given, Collection)
            and isinstance(node, (ast.List, ast.Tuple, ast.Name, ast.Attribute))
        ):
            written = isinstance(node, (ast.List, ast.Tuple))
            pair = len(given.items) == 2 and all(isinstance(part, (Tensor, Unknown)) for part in given.items)
            if not pair or not (written or _is_pair(event)):
                continue
            if inputs_of(event) == 1 and id(node) not in seen and isinstance(event.node, ast.Call):
                seen.add(id(node))
                message = "the model has one input, and inputs and targets are given to it as one list of inputs"
                alike = all(_is_pair(each) for each in program.of(Trained) if each.node is event.node)
                evidence = _Listed(node, event.frame.path, event.node, alike)
                yield Finding(CODE, NAME, message, program.location(node, event.frame), None, (), (), evidence)


def _is_pair(event: Trained) -> bool:
    """Whether what is given is two arrays, both of which are seen, and nothing else."""
    given = event.x
    if event.data is not None or event.y is not None or not isinstance(given, Collection):
        return False
    return given.size == 2 and all(isinstance(part, Tensor) for part in given.items)


def mend(program: Program, finding: Finding) -> Mendings:
    found: _Listed = finding.evidence
    try:
        edits = _unpacked(program, found) if found.call is not None else ()
        if found.stacked is not None:
            return [Mending("slice a tuple", Safety.UNSAFE, _all_as_tuples(program, found.stacked))]
        if isinstance(found.node, ast.List) and found.call is None:
            edits = as_tuple(program, found.path, found.node)
    except CannotMove as problem:
        return Withheld(problem.reason, "yield x, y" if found.call is None else "model.fit(x, y)")
    title = "give inputs and targets as two arguments" if found.call is not None else "hand over a tuple"
    return [Mending(title, Safety.SAFE, edits)]


def _all_as_tuples(program: Program, pair: StackedPair) -> tuple[Edit, ...]:
    from regrad.codemods.engine.respelling import file_of

    lists = (pair.node, *pair.beside)
    return tuple(edit for each in lists for edit in as_tuple(program, file_of(program, each) or pair.path, each))


def _unpacked(program: Program, found: _Listed) -> tuple[Edit, ...]:
    call = found.call
    if call is None or found.node not in call.args or len(call.args) != 1:
        raise CannotMove("the data are not given by position")
    source = program.files[found.path]
    span = source.span(found.node)
    if not isinstance(found.node, (ast.List, ast.Tuple)):
        if not found.alike:
            raise CannotMove("the same call is given other data elsewhere")
        return (Edit(found.path, span, f"*{source.segment(span)}"),)
    inside = source.segment(span).strip()[1:-1].strip().rstrip(",")
    return (Edit(found.path, span, inside),)


RULE = Rule(
    CODE,
    NAME,
    "mixed",
    "The same things are handed over; a data set that was stacked becomes one of pairs.",
    detect,
    mend,
)
