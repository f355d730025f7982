"""RG301 units-do-not-match-classes: the last layer has another number of units than there are classes.

What it does
------------
Reports a head whose units contradict the targets, where the program shows both: `Dense(9)` over the ten digits,
`Dense(10)` over `to_categorical(y, 4)`, class numbers that go beyond the last unit, several units for one yes or
no.

Why gradients stop
------------------
A class number beyond the last unit has no probability: its loss is NaN or an exception, and rows of another length
cannot be compared at all.

Example
-------
Broken::

    y = to_categorical(labels, num_classes=4)
    model.add(Dense(3, activation="softmax"))

Mended::

    y = to_categorical(labels, num_classes=4)
    model.add(Dense(4, activation="softmax"))

The fix and its safety
----------------------
The number of units that the targets have. Unsafe: the model answers with another shape.

When it stays silent
--------------------
When either number is not certain, when there are more units than class numbers (a class that this sample of the
data lacks), and for a single unit (RG102).

References
----------
- Keras, "Probabilistic losses".
"""

from __future__ import annotations

from collections.abc import Iterable

from regrad.analysis.program import Program
from regrad.codemods.engine.judged import Judged, is_class_numbers, is_one_hot, judged, units_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Related, Rule, Safety, Withheld

CODE, NAME = "RG301", "units-do-not-match-classes"
_NUMBERS = "sparse_categorical_crossentropy"
_ROWS = "categorical_crossentropy"
_BINARY = "binary_crossentropy"


def detect(program: Program) -> Iterable[Finding]:
    for found in judged(program):
        wanted = _wanted(found)
        layer = found.head.dense
        if wanted is None or layer is None or layer.node is None or layer.frame is None:
            continue
        units = units_of(found.head)
        things = "yes or no" if wanted == 1 else f"{wanted} classes"
        message = f"the head has {units} unit{'' if units == 1 else 's'}, and the targets are {things}"
        related = (Related(program.location(found.node, found.frame), "the loss compares the two"),)
        location = program.location(layer.node, layer.frame)
        yield Finding(CODE, NAME, message, location, None, (), related, found)


def _wanted(found: Judged) -> int | None:
    """How many units the targets ask for; None where those that there are may be right."""
    units, targets = units_of(found.head), found.targets
    if units is None or found.head.dense is None:
        return None
    if is_one_hot(found) and targets.shape is not None and targets.classes is not None and targets.classes != units:
        row_wise = found.name in (_ROWS, _BINARY) or (found.name == _NUMBERS and units > 1)
        return targets.classes if row_wise and targets.classes > 1 and (units > 1 or found.name == _BINARY) else None
    if units < 2 or not is_class_numbers(found):
        return None
    if found.name in (_NUMBERS, _ROWS) and targets.classes is not None and targets.classes > units:
        return targets.classes
    if found.name == _BINARY and targets.encoding == "binary" and found.head.activation in ("sigmoid", "linear"):
        return 1
    return None


def mend(program: Program, finding: Finding) -> Mendings:
    found: Judged = finding.evidence
    wanted = _wanted(found)
    try:
        edits = _edits(program, found, wanted or 1)
    except CannotMove as problem:
        return Withheld(problem.reason, f"Dense({wanted}, ...)")
    title = "one unit" if wanted == 1 else f"{wanted} units, one for each class"
    return [Mending(title, Safety.UNSAFE, edits)]


def _edits(program: Program, found: Judged, wanted: int) -> tuple[Edit, ...]:
    from regrad.codemods.engine import respelling

    layer, units = found.head.dense, units_of(found.head)
    if layer is None:
        raise CannotMove("the last layer is not known")
    activation = "softmax" if units == 1 and wanted > 1 and found.head.activation == "sigmoid" else None
    if activation is not None and found.head.layer is not layer:
        raise CannotMove("the activation stands in a layer of its own")
    edits = respelling.layer_edits(program, layer, activation, wanted)
    right = _ROWS if found.targets.encoding == "one-hot" else _NUMBERS if wanted > 1 else _BINARY
    if found.name != right and not (found.name == _BINARY and activation is None):
        edits = (*edits, *respelling.swapped_loss(program, found, right))
    return edits


RULE = Rule(CODE, NAME, "unsafe", "The model answers with another shape.", detect, mend)
