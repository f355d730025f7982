"""RG110 loss-captures-symbolic: the loss reaches into the description of the model.

What it does
------------
Reports a loss function given to `compile` that uses, besides its arguments, a tensor with which the functional
model was described (the output of an `Input` or of a layer call).

Why gradients stop
------------------
Such a tensor holds no numbers: it describes what a layer will do. In a training step there is nothing in it that
could be computed with. Keras 3 raises `A KerasTensor cannot be used as input to a TensorFlow function`, TensorFlow
2.4 and later refuse to convert it, and earlier ones end in `No gradients provided for any variable`. (Only in the
graphs of TensorFlow 1 did this work.)

Example
-------
Broken::

    code = layers.Dense(2)(inputs)
    model = keras.Model(inputs, layers.Dense(6)(code))

    def loss(y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - y_pred)) + 0.1 * tf.reduce_mean(tf.abs(code))

Mended::

    class Penalty(layers.Layer):
        def call(self, code):
            self.add_loss(0.1 * tf.reduce_mean(tf.abs(code)))
            return code

    code = layers.Dense(2)(inputs)
    code = Penalty()(code)
    model = keras.Model(inputs, layers.Dense(6)(code))

    def loss(y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - y_pred))

The fix and its safety
----------------------
A term that depends on the inside of the model alone, and is added to the rest, moves into a layer that stands behind
the tensors and hands it over with `add_loss`: the sum stays the same. What the function around the loss was given (the
weight of the term, the tensors themselves) is given to the layer instead. Unsafe, since the layer becomes a part of the
model. An input that only weighs the examples, or the pixels, is given to the training as `sample_weight`, and the model
has one input less. An input that is mixed with the prediction in another way (a mask, an advantage, the number of
trials) comes beside the targets (out of the list or dictionary of the inputs), in every call of the file that trains or
tests the model, and the loss takes the two apart. Where the form of the targets or of the input is not known, where
metrics would be given the wider targets, and where another tensor than an input is mixed with the prediction, nothing
is rewritten.

When it stays silent
--------------------
When the tensor is a variable or an array, when the loss gets the tensor as an argument (`y_pred` of a further
output), in programs that build TensorFlow 1 graphs, and when the loss ignores the prediction altogether (RG107).

References
----------
- Keras examples, "Endpoint layer pattern".
- https://github.com/tensorflow/tensorflow/issues/45796
- regrad, facts: error sites, `keras_tensor.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from regrad.analysis.events import Trained
from regrad.analysis.generation import only_keras_2
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Instance, Mapping
from regrad.codemods.engine.own_losses import captured, depends, function_of
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld

CODE, NAME = "RG110", "loss-captures-symbolic"


def detect(program: Program) -> Iterable[Finding]:
    if program.graph or (not program.eager and only_keras_2(program)):
        # In a graph, as Keras 2 made them on TensorFlow 1, such a loss works.
        return
    seen: set[int] = set()
    for event in program.of(Trained):
        compilation = event.compilation
        if event.own_step or compilation is None or event.target is None or event.output is None:
            continue
        if isinstance(event.model, Instance) and event.model.cls.find("compute_loss") is not None:
            continue
        loss = compilation.loss
        parts = (
            loss.items
            if isinstance(loss, Collection)
            else loss.entries.values()
            if isinstance(loss, Mapping)
            else (loss,)
        )
        for part in parts:
            function = function_of(part)
            found = captured(event.target, function) if function is not None else None
            if function is None or found is None or id(function.node) in seen:
                continue
            operation, given = found[0].operation, found[1].operation
            if len(event.heads) == 1 and not depends(event.target, event.output):
                continue
            if operation.node is None or operation.frame is None or given.node is None or given.frame is None:
                continue
            seen.add(id(function.node))
            related = (Related(program.location(given.node, given.frame), "it was made here, to describe the model"),)
            message = (
                f"the loss `{function.name}` uses a tensor that only describes the model ({given.name}):"
                " it holds no numbers in a training step"
            )
            location = program.location(operation.node, operation.frame)
            yield Finding(CODE, NAME, message, location, None, (), related, function)


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.beside_targets import beside_targets
    from regrad.codemods.engine.inner_terms import made_a_layer
    from regrad.codemods.engine.layout import CannotMove
    from regrad.codemods.engine.weights_of_examples import handed_to_fit

    try:
        weights = handed_to_fit(program, finding.evidence)
        why = "the sum of a batch is the same, and the model has one input less"
        return [Mending("give the weights of the examples as `sample_weight`", Safety.UNSAFE, weights, why)]
    except CannotMove:
        pass
    try:
        edits = made_a_layer(program, finding.evidence)
    except CannotMove as problem:
        try:
            wider = beside_targets(program, finding.evidence)
            why = "the loss computes the same, and whoever trains or tests the model has to give the wider targets"
            return [Mending("give what the loss needs beside the targets", Safety.UNSAFE, wider, why)]
        except CannotMove:
            pass
        return Withheld(
            f"the term belongs into the model, and it cannot be moved there: {problem.reason}",
            _AS_TARGETS if "mixed" in problem.reason else _AS_LAYER,
        )
    reason = "the term is the same, but it comes to the loss through the model, where evaluation and saving see it too"
    return [Mending("let a layer of the model add the term", Safety.UNSAFE, edits, reason)]


_AS_LAYER = """class Penalty(keras.layers.Layer):
    def call(self, x):
        self.add_loss(0.1 * tf.reduce_mean(tf.abs(x)))
        return x"""
_AS_TARGETS = """model.fit(x, np.concatenate([y, extra], axis=-1))  # what the loss needs comes beside the targets

def loss(y_true, y_pred):
    y_true, extra = y_true[:, :-1], y_true[:, -1:]"""


RULE = Rule(
    CODE,
    NAME,
    "mixed",
    "The term becomes a part of the model, which evaluation and saving see; an input that is mixed with the "
    "prediction is given to the training beside the targets or as weights.",
    detect,
    mend,
)
