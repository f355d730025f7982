"""What the loss was given: probabilities for logits, told where Keras does not take the logits behind them."""

from __future__ import annotations

import pytest
from regrad.verify import Symptom, Verdict

from .conftest import Compare, Step

pytestmark = pytest.mark.tensorflow

DATA = """
import numpy as np
import tensorflow as tf
x = np.random.RandomState(0).normal(size=(16, 3)).astype("float32")
y = (x.sum(1, keepdims=True) > 0).astype("float32")
"""
FITTED = (
    DATA
    + """
model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1), tf.keras.layers.Lambda(tf.sigmoid)])
model.compile("sgd", tf.keras.losses.BinaryCrossentropy(from_logits=True))
model.fit(x, y, epochs=1, batch_size=16, verbose=0)
"""
)
EAGER = FITTED.replace("=True))", "=True), run_eagerly=True)")
LOOP = (
    DATA
    + """
class Judge(tf.Module):
    def __init__(self):
        self.w = tf.Variable(tf.random.stateless_normal((3, 1), (1, 2)))
    def __call__(self, x):
        return tf.sigmoid(x @ self.w)
judge = Judge()
optimizer = tf.keras.optimizers.SGD(0.1)
for _ in range(3):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, judge(x)))
    optimizer.apply_gradients(zip(tape.gradient(loss, [judge.w]), [judge.w]))
"""
)
KERAS_IN_A_FUNCTION = LOOP.replace(
    "tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, judge(x)))", "cost(y, judge(x))"
).replace("for _ in range(3):\n", "cost = tf.keras.losses.BinaryCrossentropy(from_logits=True)\ndef step():\n")
COMPILED = KERAS_IN_A_FUNCTION.replace("def step", "@tf.function\ndef step") + "for _ in range(3):\n    step()\n"
PLAIN = KERAS_IN_A_FUNCTION + "for _ in range(3):\n    step()\n"


WRITTEN_OUT = FITTED.replace("Lambda(tf.sigmoid)", "Lambda(lambda t: 1.0 / (1.0 + tf.exp(-t)))")


@pytest.mark.parametrize(
    "text", [EAGER, LOOP, PLAIN, WRITTEN_OUT], ids=["fit-eagerly", "loop", "keras-loss-in-a-loop", "written-out-in-fit"]
)
def test_a_second_sigmoid_is_seen(step: Step, text: str) -> None:
    assert Symptom.PROBABILITIES_AS_LOGITS in step(text).symptoms


@pytest.mark.parametrize("text", [FITTED, COMPILED], ids=["fit", "function"])
def test_what_keras_undoes_is_no_fault(step: Step, text: str) -> None:
    """In a graph the losses of Keras find the operation that made the probabilities, and take what went into it."""
    assert Symptom.PROBABILITIES_AS_LOGITS not in step(text).symptoms


def test_one_sigmoid_is_no_second_one(step: Step) -> None:
    gates = LOOP.replace("return tf.sigmoid(x @ self.w)", "return tf.sigmoid(x[:, :1]) * (x @ self.w)")
    for text in (gates, LOOP.replace("tf.sigmoid(x @ self.w)", "x @ self.w")):
        assert Symptom.PROBABILITIES_AS_LOGITS not in step(text).symptoms


def test_without_the_second_sigmoid_it_is_mended(compare: Compare) -> None:
    evidence = compare(LOOP, LOOP.replace("tf.sigmoid(x @ self.w)", "x @ self.w"))
    assert evidence.verdict is Verdict.MENDED, evidence.reason
