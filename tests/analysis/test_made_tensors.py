"""Tensors that are filled, spaced or drawn with a variable depend on it; what only gives their shape does not count."""

from __future__ import annotations

import pytest

from .programs import connected, lost, read, sink

_PROGRAM = """
from keras import ops
import tensorflow.experimental.numpy as tnp
w = tf.Variable(2.0, name="w")
with tf.GradientTape() as tape:
    loss = tf.reduce_sum({expression})
gradient = tape.gradient(loss, [w])
"""


@pytest.mark.parametrize(
    "expression",
    [
        "tf.fill([3], w)",
        "tf.fill(dims=[3], value=w * 2.0)",
        "tf.compat.v1.fill([3], w)",
        "ops.full((3,), w)",
        "ops.full_like(tf.ones([3]), w)",
        "tnp.full((3,), w)",
        "tf.random.normal([3], w)",
        "tf.random.normal([3], stddev=w)",
        "tf.random.uniform([3], maxval=w)",
        "tf.random.truncated_normal([3], w)",
        "tf.random.stateless_normal([3], [1, 2], w, 1.0)",
        "tf.random.stateless_uniform([3], [1, 2], minval=w, maxval=9.0)",
        "tf.compat.v1.random_normal([3], mean=w)",
        "keras.backend.random_normal((3,), mean=w)",
        "keras.random.normal((3,), w, 1.0)",
        "keras.random.truncated_normal((3,), stddev=w)",
        "tf.linspace(0.0, w, 4)",
        "ops.linspace(w, 1.0, 4)",
        "tnp.linspace(0.0, w, 4)",
        "tf.switch_case(0, [lambda: w * 1.0, lambda: w * 2.0])",
        "tf.switch_case(0, {0: lambda: w * 1.0}, default=lambda: 1.0)",
        "tf.case([(True, lambda: w * 1.0)])",
        "tf.case([(True, lambda: w * 1.0)], default=lambda: 1.0)",
    ],
)
def test_what_it_is_made_with_is_reached(expression: str) -> None:
    assert connected(sink(read(_PROGRAM.format(expression=expression)))) == ["w"]


@pytest.mark.parametrize(
    "expression",
    [
        "np.full((3,), w)",
        "tf.fill([3], 1.0)",
        "tf.fill([3], tf.cast(w, tf.int32))",
        "tf.zeros(tf.cast(w, tf.int32))",
        "tf.random.normal([tf.cast(w, tf.int32)], 0.0, 1.0)",
        "tf.random.uniform([3], 0, tf.cast(w, tf.int32), dtype=tf.int32)",
        "tf.range(0.0, w)",
        "tf.case([(w > 1.0, lambda: 1.0)], default=lambda: 2.0)",
    ],
)
def test_what_is_only_read_for_its_shape_is_not(expression: str) -> None:
    assert lost(sink(read(_PROGRAM.format(expression=expression)))) == ["w"]
