"""RG103 label-encoding-mismatch: class numbers with a loss for one-hot rows, or the other way round.

What it does
------------
Reports categorical cross-entropy over class numbers (0, 1, 2, …) and sparse categorical cross-entropy over one-hot
rows, where the program shows how its labels are encoded: `to_categorical`, `get_dummies`, `np.eye(n)[labels]`, the
data sets of Keras, random integers, `label_mode`.

Why gradients stop
------------------
The two losses want targets of different rank. With the wrong one Keras raises before the first step (`Argument
output must have rank (ndim) target.ndim - 1`, `target and output must have the same shape`), or, in a loop of one's
own, compares every label with every sample.

Example
-------
Broken::

    (x_train, y_train), _ = keras.datasets.mnist.load_data()
    model.compile("adam", loss="categorical_crossentropy")
    model.fit(x_train, y_train)

Mended::

    (x_train, y_train), _ = keras.datasets.mnist.load_data()
    model.compile("adam", loss="sparse_categorical_crossentropy")
    model.fit(x_train, y_train)

The fix and its safety
----------------------
The loss that takes the labels as they are, in the author's spelling and with the arguments that both share. Safe:
it is the same quantity. Metrics are left alone (`accuracy` adapts itself).

When it stays silent
--------------------
When the encoding or the shape of the labels is not known, when the number of units contradicts the labels as well
(RG301), and when the head has one unit (RG102).

References
----------
- Keras, "Probabilistic losses".
- regrad, facts: measured behaviour, 3.
"""

from __future__ import annotations

from collections.abc import Iterable

from regrad.analysis.program import Program
from regrad.codemods.engine.judged import Judged, is_class_numbers, is_one_hot, judged, units_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Rule, Safety, Withheld

CODE, NAME = "RG103", "label-encoding-mismatch"


def detect(program: Program) -> Iterable[Finding]:
    for found in judged(program):
        message = _complaint(found)
        if message is not None:
            yield Finding(CODE, NAME, message, program.location(*found.place), evidence=found)


def _complaint(found: Judged) -> str | None:
    units, targets = units_of(found.head), found.targets
    if units is None or units < 2:
        return None
    if found.name == "categorical_crossentropy" and is_class_numbers(found):
        if targets.classes is not None and targets.classes > units:
            return None
        return "`categorical_crossentropy` wants one-hot rows, and these labels are class numbers"
    if found.name == "sparse_categorical_crossentropy" and is_one_hot(found):
        if targets.classes is not None and targets.classes != units:
            return None
        return "`sparse_categorical_crossentropy` wants class numbers, and these labels are one-hot rows"
    return None


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine import respelling

    found: Judged = finding.evidence
    name = "categorical_crossentropy" if found.name.startswith("sparse") else "sparse_categorical_crossentropy"
    try:
        edits = respelling.swapped_loss(program, found, name)
    except CannotMove as problem:
        return Withheld(problem.reason, f'model.compile(loss="{name}", ...)')
    title = f"use `{name}`, which takes the labels as they are"
    return [Mending(title, Safety.SAFE, edits, keeps_loss=False)]


RULE = Rule(CODE, NAME, "safe", "Both losses are the same quantity for labels of either encoding.", detect, mend)
