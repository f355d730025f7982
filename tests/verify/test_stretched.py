"""Numbers per sample that are stretched to a matrix: a slip shows whatever operation does it, meant pairs do not."""

from __future__ import annotations

import pytest
from regrad.verify import Symptom, Verdict

from .conftest import Compare, Step

pytestmark = pytest.mark.tensorflow

PROGRAM = """
import numpy as np
import tensorflow as tf
rs = np.random.RandomState(0)
x = rs.rand(16, 3).astype("float32")
y, weight, column = x.sum(axis=1), rs.rand(16).astype("float32"), rs.rand(16, 1).astype("float32")
matrix = rs.rand(16, 16).astype("float32")
model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.SGD(0.01)
for _ in range(2):
    with tf.GradientTape() as tape:
        told = model(x)
        loss = LOSS
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
"""
SLIPS = {
    "difference": "tf.reduce_mean(tf.square(y - told))",
    "weights": "tf.reduce_mean(weight * tf.square(y[:, None] - told))",
    "weights in a column": "tf.reduce_mean(column * tf.square(y - told[:, 0]))",
    "scales": "tf.reduce_mean(tf.square((y[:, None] - told) / weight))",
    "sums of products": "tf.reduce_sum(weight * tf.abs(column - told)) / tf.reduce_sum(weight)",
}
MEANT = {
    "energy": "2 * tf.reduce_mean(tf.abs(told - y)) - tf.reduce_mean(tf.abs(told - tf.transpose(told)))",
    "outer product": "tf.reduce_mean(tf.square(told * weight - matrix))",
    "attention": "tf.reduce_sum(tf.nn.softmax(told * weight, axis=1) * matrix)",
    "along an axis": "-tf.reduce_mean(tf.math.log(tf.reduce_mean(tf.exp(-tf.square(told - y)), axis=0)))",
    "only averaged": "tf.square(tf.reduce_mean(y - told))",
}


@pytest.mark.parametrize("loss", SLIPS.values(), ids=SLIPS.keys())
def test_a_slip_is_seen(step: Step, loss: str) -> None:
    assert Symptom.TARGET_BROADCAST in step(PROGRAM.replace("LOSS", loss)).symptoms


@pytest.mark.parametrize("loss", MEANT.values(), ids=MEANT.keys())
def test_pairs_on_purpose_are_none(step: Step, loss: str) -> None:
    assert Symptom.TARGET_BROADCAST not in step(PROGRAM.replace("LOSS", loss)).symptoms


def test_the_axis_on_the_wrong_side_mends_nothing(compare: Compare) -> None:
    before = PROGRAM.replace("LOSS", "tf.reduce_mean(weight * tf.square(y - told))")
    wrong, right = before.replace("y - told", "y[:, None] - told"), before.replace("y - told", "y - told[:, 0]")
    assert compare(before, wrong).verdict not in (Verdict.MENDED, Verdict.IMPROVED)
    assert compare(before, right).verdict is Verdict.MENDED
