"""The terms of a loss, as one step shows them: a rewrite that stops the term that raised has mended nothing."""

from __future__ import annotations

import pytest
from regrad.verify import Verdict
from regrad.verify.evidence import Terms

from .conftest import Compare, Step

pytestmark = pytest.mark.tensorflow

TAPE = """
import tensorflow as tf
x = tf.random.stateless_normal((16, 3), (1, 2))
y = tf.reduce_sum(x, axis=1, keepdims=True)
w = tf.Variable([[0.3], [0.2], [0.1]])
b = tf.Variable([0.1])
optimizer = tf.keras.optimizers.SGD(0.01)
with tf.GradientTape() as tape:
    told = x @ w + b
    loss = LOSS
optimizer.apply_gradients(zip(tape.gradient(loss, [w, b]), [w, b]))
"""
ERROR = "tf.reduce_mean(tf.square(y - told))"
PENALTY = "tf.reduce_sum(tf.square(w))"
LOSSES = {
    ERROR: Terms(1, 0),
    f"{ERROR} + 0.1 * {PENALTY}": Terms(2, 0),
    f"{ERROR} + 0.1 * tf.stop_gradient({PENALTY})": Terms(1, 1),
    f"{ERROR} + tf.stop_gradient(0.1 * {PENALTY}) / 2.0 - {PENALTY}": Terms(2, 1),
    f"tf.add_n([{ERROR}, tf.stop_gradient({PENALTY})])": Terms(1, 1),
    f"tf.reduce_mean(tf.stack([{ERROR}, tf.stop_gradient({PENALTY})]))": Terms(1, 1),
    "tf.reduce_mean(tf.square(tf.stop_gradient(y) - told))": Terms(1, 0),
    "tf.reduce_mean(tf.square(y - told) * tf.stop_gradient(tf.abs(told)))": Terms(1, 0),
    "tf.reduce_mean(tf.square(told - tf.stop_gradient(0.9 * told + y)))": Terms(1, 0),
}

FLOW = """
import numpy as np
import tensorflow as tf
from tensorflow import keras

class Rotation(keras.layers.Layer):
    def build(self, shape):
        self.mixing = self.add_weight(name="mixing", shape=(3, 3), initializer="identity")

    def call(self, x):
        self.add_loss(-tf.reduce_sum(TERM))
        return tf.matmul(x, self.mixing)

points = np.random.default_rng(2).normal(size=(32, 3)).astype("float32")
flow = keras.Sequential([keras.Input((3,)), Rotation()])
flow.compile(optimizer="sgd", loss="mse")
flow.fit(points, points[:, ::-1].copy(), epochs=1, verbose=0)
"""
RAISES = "tf.math.log(tf.abs(tf.linalg.diag_part(tf.linalg.lu(self.mixing)[0])))"


@pytest.mark.parametrize(("loss", "terms"), LOSSES.items(), ids=LOSSES.keys())
def test_terms_are_counted(step: Step, loss: str, terms: Terms) -> None:
    assert step(TAPE.replace("LOSS", loss)).terms == terms


@pytest.mark.parametrize("term", [f"tf.stop_gradient({RAISES})", RAISES.replace("self.mixing", "self.mixing.numpy()")])
def test_a_term_that_is_cut_off_is_not_mended(compare: Compare, term: str) -> None:
    assert compare(FLOW.replace("TERM", RAISES), FLOW.replace("TERM", term)).verdict is Verdict.UNCHANGED


def test_a_term_that_is_computed_otherwise_is_mended(compare: Compare) -> None:
    mended = FLOW.replace("TERM", "tf.math.log(tf.abs(tf.linalg.det(self.mixing)))")
    assert compare(FLOW.replace("TERM", RAISES), mended).verdict is Verdict.MENDED
