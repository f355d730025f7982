"""RG405 predict-inside-tape: `model.predict` stands on the way from the variables to the loss.

What it does
------------
Reports a call of `predict`, `predict_on_batch` or `evaluate` of a Keras model inside a tape (or a loss), where it is
the reason why weights get no gradient.

Why gradients stop
------------------
`predict` is a program of its own: it cuts its input into batches, runs a compiled function over them and gives back a
NumPy array. The tape sees no operation of the model, so to it the array is a constant and every gradient is `None`
(under Keras 2 it may be a `LookupError` about `IteratorGetNext`). Calling the model, `model(x)`, runs the same layers
as ordinary recorded operations.

Example
-------
Broken::

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model.predict(x, verbose=0) - y))
    gradients = tape.gradient(loss, model.trainable_variables)

Mended::

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(x) - y))
    gradients = tape.gradient(loss, model.trainable_variables)

The fix and its safety
----------------------
The model is called; `verbose`, `batch_size` and `steps`, which a call does not have, go. Safe where the model does
the same in training and in inference: the values are the same. Where it has layers that do not (`Dropout`,
`BatchNormalization`, ...), or may have, it is called with `training=True`, as a training step should, and the mending
is unsafe. Where one element of each row is picked (`values[np.arange(n), actions]`), which tensors do not know,
`tf.gather` does it; where other calls of the function that predicts do with the array what a tensor does not know,
they get `.numpy()`. The predictions of one loss are mended together, and its target is left alone. Of a data set or
generator, which a model cannot be called with, nothing is rewritten; nor is `evaluate`; nor where a loss compares two
predictions and either could be the target.

When it stays silent
--------------------
When the prediction is a target, a baseline or a log line and gradients reach the weights on another way (Q-learning
targets, a teacher), or would, were the prediction beside it mended; for a class of the program with a `predict` of its
own, which is read like any function; outside of a tape.

References
----------
"What's the difference between `Model` methods `predict()` and `__call__()`?":
https://keras.io/getting_started/faq/
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.endings import Ending, endings
from regrad.analysis.program import Program
from regrad.analysis.values import Function, Instance, Layer, Network, Tensor, Value, Variable
from regrad.analysis.weights import sublayers
from regrad.codemods.engine import array_callers, detached_targets, picked_elements
from regrad.codemods.engine.broken_paths import argument, finding
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Rule, Safety, Withheld

CODE, NAME = "RG405", "predict-inside-tape"
_ARRAYS = ("predict", "predict_on_batch")
_FOR_PREDICT = ("batch_size", "verbose", "steps", "callbacks", "max_queue_size", "workers", "use_multiprocessing")
_SAME_IN_TRAINING = frozenset(
    (
        "Dense Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose DepthwiseConv2D SeparableConv2D Flatten Reshape "
        "Activation ReLU LeakyReLU PReLU ELU Softmax Embedding LSTM GRU SimpleRNN Bidirectional TimeDistributed "
        "Concatenate Add Multiply Average Maximum Minimum Subtract Dot MaxPooling1D MaxPooling2D AveragePooling1D "
        "AveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D GlobalAveragePooling1D GlobalAveragePooling2D "
        "LayerNormalization Rescaling Input InputLayer Permute RepeatVector ZeroPadding2D UpSampling2D Cropping2D "
        "Lambda "
    ).split()
)


def detect(program: Program) -> Iterator[Finding]:
    """Endings at `predict` and its like."""
    for ending in endings(program):
        operation = ending.operation
        if operation is not None and operation.kind == "predict":
            if detached_targets.roles(program, ending.sink).keeps(ending.value):
                continue  # a target, which is meant to be a constant
            says = "gives a NumPy array that the tape knows nothing of, so no gradient reaches {lost}"
            yield finding(program, CODE, NAME, ending, says)


def mend(program: Program, found: Finding) -> Mendings:
    """Call the model, wherever the loss takes what it predicted: one of two predictions alone would be half a loss."""
    from regrad.codemods.engine.half_way import attached

    ending: Ending = found.evidence
    roles = detached_targets.roles(program, ending.sink)
    if roles.doubt:
        return Withheld(roles.doubt, detached_targets.ADVICE)
    own = _called(program, ending)
    if isinstance(own, Withheld):
        return own
    edits: dict[Edit, None] = {}
    safe, reasons = True, []
    for each in (ending, *_beside(program, ending)):
        made = own if each is ending else _called(program, each)
        if isinstance(made, Withheld):
            return Withheld(f"another prediction of the same loss is in the way: {made.reason}", made.suggestion)
        edits.update(dict.fromkeys(made[0]))
        safe = safe and made[1]
        reasons.append(made[2])
    joined = attached(program, tuple(edits), ending.sink)
    if joined is not None:
        return Withheld(f"`{joined}` gives a target, and would get a gradient as well", detached_targets.ADVICE)
    if safe:
        return (Mending("call the model", Safety.SAFE, tuple(edits), reasons[0]),)
    reason = "layers such as Dropout and BatchNormalization now work as in training"
    return (Mending("call the model", Safety.UNSAFE, tuple(edits), reason),)


def _beside(program: Program, ending: Ending) -> list[Ending]:
    """The other predictions that the same loss is computed from, where the same weights made them."""
    roles = detached_targets.roles(program, ending.sink)
    lost = {id(value) for value in ending.lost}
    return [
        other
        for other in endings(program)
        if other is not ending
        and other.sink is ending.sink
        and other.operation is not None
        and other.operation.kind == "predict"
        and lost & {id(value) for value in other.lost}
        and not roles.keeps(other.value)
    ]


def _called(program: Program, ending: Ending) -> tuple[tuple[Edit, ...], bool, str] | Withheld:
    """The edits that call the model in the place of one prediction, whether it does the same then, and why so."""
    from regrad.codemods.engine import arguments

    call, path = ending.node, ending.frame.path
    source = program.files[path]
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or ending.operation is None:
        return Withheld("the call of the model is not written out here")
    model = source.segment(source.span(call.func.value))
    data = argument(call, 0, "x")
    if call.func.attr not in _ARRAYS:
        return Withheld(
            f"`{call.func.attr}` only measures; the loss has to be computed", f"loss_fn(y, {model}(x, training=True))"
        )
    if data is None:
        return Withheld("what the model is given is not written out", f"{model}(x, training=True)")
    if (
        isinstance(data, ast.Call)
        and isinstance(data.func, ast.Attribute)
        and data.func.attr in ("batch", "map", "prefetch")
    ):
        return Withheld("a model cannot be called with a data set", f"for x in data: {model}(x, training=True)")
    # Where the gradient of an input is asked for, the model is used, not trained.
    trained = not all(isinstance(value, (Variable, Tensor)) for value in ending.lost)
    alike = not trained or _same_in_training(ending.operation.callee)
    changes: list[arguments.Change] = [arguments.Callee(model)]
    changes.extend(arguments.Remove(index) for index in range(len(call.args) - 1, 0, -1))
    changes.extend(arguments.Remove(each.arg) for each in call.keywords if each.arg in _FOR_PREDICT)
    if not call.args:
        changes.append(arguments.Rename("x", ""))
    if not alike:
        changes.append(arguments.Set("training", "True"))
    try:
        edit = arguments.change_call(source, call, *changes)
    except arguments.CannotChange as problem:
        return Withheld(str(problem), f"{model}({source.segment(source.span(data))}, training=True)")
    why = "the model does the same in training and in inference" if trained else "the model is used as in inference"
    picked = picked_elements.edits(program, ending.sink, ending.value)
    return (edit, *picked, *array_callers.edits(program, ending.frame, call)), alike, why


def _same_in_training(value: Value | None) -> bool:
    """Whether the model certainly computes the same in training and in inference."""
    stack: list[Value | None] = [value]
    seen: set[int] = set()
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, Layer):
            if current.kind not in _SAME_IN_TRAINING or any("dropout" in name for name in current.arguments):
                return False
        elif isinstance(current, Instance):
            own = current.cls.find("call") or current.cls.find("__call__")
            if own is None or not isinstance(own[0], Function):
                return False
            parameters = own[0].node.args
            every = (*parameters.args, *parameters.kwonlyargs)
            if parameters.kwarg is not None or any(each.arg == "training" for each in every):
                return False
        elif isinstance(current, Network):
            if current.form == "opaque":
                return False
        elif not isinstance(current, (Tensor, Variable)):
            return False
        stack.extend(sublayers(current) if current is not None else ())
    return True


RULE = Rule(
    CODE,
    NAME,
    "mixed",
    "safe where the model does the same in training and in inference, as a call runs the layers that `predict` runs",
    detect,
    mend,
)
