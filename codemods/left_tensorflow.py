"""RG502 left-tensorflow: the way from the variables to the loss leads through NumPy, SciPy or Python numbers.

What it does
------------
Reports `.numpy()`, `.item()`, `float(...)`, `np.…`, `scipy.…`, `tf.numpy_function`, `tf.py_func`, `K.eval` and
`tf.constant([tensor, …])` where they stand on every way from the loss to some weights.

Why gradients stop
------------------
A tape records TensorFlow's operations. A value that leaves TensorFlow comes back, if at all, as a constant without a
history: the gradient is `None`, or the step fails (an array has no `_id`, a traced tensor has no `.numpy()`).

Example
-------
Broken::

    def loss(y_true, y_pred):
        return np.mean(np.square(y_true - y_pred), axis=-1)

Mended::

    def loss(y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)

The fix and its safety
----------------------
Safe: each call becomes the TensorFlow operation of the same meaning (`codemods/engine/numpy_table.py` is the list, with
the arguments whose names differ; what only TensorFlow's NumPy interface has is taken from there), `.numpy()` and
`float()` go, lists of tensors are stacked. A function or method in NumPy that is handed to `tf.numpy_function` is
converted as a whole or not at all; where others use it too, it stays as it is, and a twin of it in TensorFlow stands
below. What it computes of none of its arguments (a window, a kernel) stays NumPy, and `np.convolve` with such a kernel
becomes `tf.nn.conv1d`, for each row of a batch at once. An array that a loop (or two) fills place by place, in order
and without gaps, becomes a list that is stacked; a number that is written over some places of a copy is put there by
`tf.where`, with a mask in which the same indices note the places. What concerns labels alone and has no counterpart (a
median, say) stays NumPy inside `tf.numpy_function`. The import of NumPy goes when nothing uses it any more. Where a
function has no counterpart of the same meaning, or one without a slope, nothing is rewritten, and the reason is given.
One exception is unsafe: a function that ranks a vector (for Spearman's rho, say) is given a soft rank, which has a
slope.

When it stays silent
--------------------
For values that are logged, plotted or kept; for targets, rewards and masks; for NumPy on shapes and constants; for
`tf.experimental.numpy` and `tf.py_function`, which have gradients; and where the weights get their gradient another
way. Where a loss compares two values of the same weights and both left TensorFlow, the target stays as it is: what is
bootstrapped (`reward + gamma * ...`), called a target or a teacher by its name or a comment, or stands in the place of
targets. Where either could be it, both are reported and nothing is rewritten.

References
----------
"TensorFlow NumPy: Distributed Image Classification Tutorial" and "NumPy API on TensorFlow":
https://www.tensorflow.org/guide/tf_numpy
"""

from __future__ import annotations

from collections.abc import Iterator

from regrad.analysis.cut import CutKind
from regrad.analysis.endings import Ending, endings
from regrad.analysis.program import Program
from regrad.codemods.engine import detached_targets
from regrad.codemods.engine.broken_paths import finding
from regrad.codemods.engine.half_way import attached, still_leaving
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Rule, Safety, Withheld
from regrad.codemods.engine.unused_prediction import unused_prediction

CODE, NAME = "RG502", "left-tensorflow"
_WHOLE = "write all that the loss is computed with in TensorFlow: tf.stack(values) for np.array(values), and so on"


def detect(program: Program) -> Iterator[Finding]:
    """Endings at an operation of another library."""
    for ending in endings(program):
        operation = ending.operation
        if unused_prediction(program, ending.sink) is not None:
            continue  # RG107
        if detached_targets.roles(program, ending.sink).keeps(ending.value):
            continue  # a target, which is meant to be a constant
        if ending.kind is CutKind.LEFT_TENSORFLOW and operation is not None and operation.kind != "predict":
            yield finding(
                program, CODE, NAME, ending, "leaves TensorFlow, and every way from the loss to {lost} leads through it"
            )


def mend(program: Program, found: Finding) -> Mendings:
    """Write it in TensorFlow."""
    from regrad.codemods.engine.from_numpy import Conversion
    from regrad.codemods.engine.numpy_table import NotConverted

    ending: Ending = found.evidence
    doubt = detached_targets.roles(program, ending.sink).doubt
    if doubt:
        return Withheld(doubt, detached_targets.ADVICE)
    try:
        conversion = Conversion(program, ending)
        edits = conversion.edits()
    except NotConverted as problem:
        return Withheld(problem.reason, problem.instead)
    except CannotMove as problem:
        return Withheld(problem.reason)
    if not edits:
        return Withheld("what leaves TensorFlow is not written out in the program")
    joined = attached(program, edits, ending.sink)
    if joined is not None:
        return Withheld(f"`{joined}` gives a target, and would get a gradient as well", detached_targets.ADVICE)
    left = still_leaving(program, edits)
    if left is not None:
        return Withheld(f"`{left}` would still leave TensorFlow, with its share of the gradient", _WHOLE)
    if conversion.ranked:
        why = "a rank has no slope; a soft rank, which comes near it, has"
        return (Mending("rank softly, in TensorFlow", Safety.UNSAFE, edits, why),)
    why = "what concerns the labels alone stays NumPy" if conversion.wrapped else "each operation has the same meaning"
    return (Mending("use TensorFlow's operations", Safety.SAFE, edits, why),)


RULE = Rule(
    CODE,
    NAME,
    "mixed",
    "the operations that replace NumPy's have the same meaning; ranks alone give way to what only comes near them",
    detect,
    mend,
)
