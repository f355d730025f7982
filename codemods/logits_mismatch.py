"""RG104 logits-mismatch: the `from_logits` of a loss says the opposite of what the head gives.

What it does
------------
Reports a cross-entropy with `from_logits=True` over a head that ends in a sigmoid or softmax, and one with
`from_logits=False` over a head that has no activation.

Why gradients stop
------------------
A cross-entropy over probabilities clips them to the range from 0 to 1 first. The number that an unactivated unit
gives lies outside for about every second sample at the start, and where it is clipped its slope is exactly 0: in 20
to 55 % of all random seeds not one sample of the first batch teaches anything. The other way round, a sigmoid is
taken of a sigmoid (a softmax of a softmax): the loss cannot come near 0 and its slope shrinks. Keras undoes that
where it can still see the logits, and warns.

Example
-------
Broken::

    model = Sequential([Dense(64, activation="relu"), Dense(10)])
    model.compile("adam", loss=SparseCategoricalCrossentropy(from_logits=False))

Mended::

    model = Sequential([Dense(64, activation="relu"), Dense(10)])
    model.compile("adam", loss=SparseCategoricalCrossentropy(from_logits=True))

The fix and its safety
----------------------
The flag, so that the loss means what the head says. Safe: the model predicts what it predicted.

When it stays silent
--------------------
When the last activation or the flag is not known, when a function of the program or a layer of its own stands
between the last layer and the loss. A cross-entropy over an unactivated head that is told nothing is RG102, and so
is one unactivated unit under categorical cross-entropy.

References
----------
- Keras, "Probabilistic losses", on `from_logits`.
- regrad, facts: measured behaviour, 1; error sites, `_get_logits`.
"""

from __future__ import annotations

from collections.abc import Iterable

from regrad.analysis.cut import CutKind
from regrad.analysis.program import Program
from regrad.codemods.engine.judged import Judged, judged, units_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Rule, Safety, Withheld

CODE, NAME = "RG104", "logits-mismatch"
_BINARY = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
_SEVERAL = frozenset({"categorical_crossentropy", "sparse_categorical_crossentropy", "categorical_focal_crossentropy"})
_FITTING = {
    "sigmoid": _BINARY,
    "softmax": _SEVERAL,
}


def detect(program: Program) -> Iterable[Finding]:
    for found in judged(program):
        message = _complaint(found)
        if message is not None:
            location = program.location(*found.place)
            yield Finding(CODE, NAME, message, location, CutKind.ZERO_SLOPE, (), (), found)


def _complaint(found: Judged) -> str | None:
    activation, units = found.head.activation, units_of(found.head)
    if found.name not in _BINARY | _SEVERAL or activation is None:
        return None
    if units is None and (found.logits is not True or not found.trained):
        return None
    if units == 1 and (found.name in _SEVERAL or activation == "softmax"):
        return None
    if found.logits is False and found.flagged and activation == "linear" and found.head.dense is not None:
        return "`from_logits=False`, and this head gives logits: it has no activation"
    if found.logits is True and found.name in _FITTING.get(activation, ()):
        return f"`from_logits=True`, and this head gives probabilities: it ends in a {activation}"
    return None


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine import respelling

    found: Judged = finding.evidence
    wanted = not found.logits
    try:
        edits = respelling.flagged(program, found)
    except CannotMove as problem:
        name = respelling.CLASSES.get(found.name, found.name)
        return Withheld(problem.reason, f"keras.losses.{name}({'from_logits=True' if wanted else ''})")
    title = "say that the head gives logits" if wanted else "say that the head gives probabilities"
    return [Mending(title, Safety.SAFE, edits, keeps_loss=False, seen_in_step=False)]


RULE = Rule(CODE, NAME, "safe", "The model predicts what it predicted; only the loss reads it rightly.", detect, mend)
