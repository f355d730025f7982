"""In which order the functions that take logits are given both: it depends on the TensorFlow that a program speaks."""

from __future__ import annotations

import pytest
from regrad.codemods.loss_arguments_swapped import RULE

from .programs import read

GRAPH = """import tensorflow as tf

images = tf.placeholder(tf.float32, [None, 8])
weights = tf.get_variable("weights", [8, 1])
logits = tf.matmul(images, weights)
loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits({given}))
step = tf.train.AdamOptimizer(0.1).minimize(loss)
with tf.Session() as session:
    session.run(step)
"""
EAGER = """import tensorflow as tf

weights = tf.Variable(tf.random.normal((8, 1)))
images, labels = tf.random.normal((4, 8)), tf.constant([[0.0], [1.0], [1.0], [0.0]])
with tf.GradientTape() as tape:
    logits = tf.matmul(images, weights)
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits({given}))
weights.assign_sub(0.1 * tape.gradient(loss, weights))
"""


def codes(program: str) -> list[str]:
    return [finding.code for finding in RULE.detect(read(program))]


@pytest.mark.parametrize("labels", ["tf.ones_like(logits)", "tf.zeros_like(logits)"])
def test_before_tensorflow_1_the_logits_came_first(labels: str) -> None:
    assert not codes(GRAPH.format(given=f"logits, {labels}"))


@pytest.mark.parametrize("program", [GRAPH, EAGER])
def test_names_tell_in_every_tensorflow(program: str) -> None:
    assert codes(program.format(given="labels=logits, logits=tf.ones_like(logits)")) == ["RG108"]
    assert not codes(program.format(given="logits=logits, labels=tf.ones_like(logits)"))


def test_in_tensorflow_2_the_labels_come_first() -> None:
    assert codes(EAGER.format(given="logits, labels")) == ["RG108"]
    assert not codes(EAGER.format(given="labels, logits"))
