"""Gradients that no optimizer is given: forgotten, or taken to measure something."""

from __future__ import annotations

import pytest
from regrad.codemods.gradients_misapplied import RULE

from .programs import read

PROGRAM = """import tensorflow as tf

model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])
optimizer = tf.keras.optimizers.Adam()
x = tf.random.normal((8, 4))
held = [tf.zeros_like(v) for v in model.trainable_variables]
for i in range(8):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x[i : i + 1]) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    {use}
print(held)
"""


@pytest.mark.parametrize(
    "use",
    [
        "held = [h + tf.square(g) / 8 for h, g in zip(held, gradients)]",
        "held = [h + g ** 2 for h, g in zip(held, gradients)]",
        "held = [h + tf.math.square(g) for h, g in zip(held, gradients)]",
    ],
)
def test_squares_measure_how_much_a_weight_matters(use: str) -> None:
    assert not list(RULE.detect(read(PROGRAM.format(use=use))))


@pytest.mark.parametrize(
    "use",
    [
        "pass",
        "gradients = [tf.clip_by_norm(g, 1.0) for g in gradients]",
        "print(tf.sqrt(sum(tf.reduce_sum(tf.square(g)) for g in gradients)))",
    ],
)
def test_a_step_that_is_forgotten_is_told(use: str) -> None:
    assert [finding.code for finding in RULE.detect(read(PROGRAM.format(use=use)))] == ["RG410"]
