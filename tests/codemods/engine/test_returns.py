"""Losses that are computed and not returned."""

from __future__ import annotations

from regrad.codemods.missing_loss import RULE

from .programs import found, mended

_STEP = """import tensorflow as tf

model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.SGD(0.1)
x = tf.ones((4, 2))


def error(prediction):
{body}

with tf.GradientTape() as tape:
    loss = error(model(x))
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""


def _program(*body: str) -> str:
    return _STEP.format(body="".join(f"    {line}\n" for line in body))


def test_what_was_bound_last_is_returned() -> None:
    text = mended(RULE, _program("square = tf.square(prediction)", "value = tf.reduce_mean(square)"))
    assert "    value = tf.reduce_mean(square)\n    return value\n" in text


def test_what_the_caller_names_comes_first() -> None:
    text = mended(RULE, _program("loss = tf.reduce_mean(prediction)", "seen = tf.size(prediction)", "print(seen)"))
    assert "    print(seen)\n    return loss\n" in text


def test_a_dropped_result_is_returned() -> None:
    text = mended(RULE, _program("tf.reduce_mean(tf.square(prediction))"))
    assert "    return tf.reduce_mean(tf.square(prediction))\n" in text


def test_a_function_that_returns_is_left_alone() -> None:
    assert found(RULE, _program("return tf.reduce_mean(prediction)")) == []
    assert found(RULE, _program("if x is None:", "    return None", "return tf.reduce_mean(prediction)")) == []


def test_a_placeholder_is_no_loss() -> None:
    assert found(RULE, _program("raise NotImplementedError")) == []
    assert found(RULE, _program("pass")) == []
