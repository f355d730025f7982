"""What a tape missed: only what would carry a gradient if it were recorded."""

from __future__ import annotations

from regrad.codemods import forward_outside_tape
from regrad.codemods.engine.missed import missed

from .programs import mended, read

_HEAD = """import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])
x = tf.ones((4, 3))
"""
_TAIL = """grads = tape.gradient(loss, model.trainable_variables)
tf.keras.optimizers.SGD().apply_gradients(zip(grads, model.trainable_variables))
"""


def lines(text: str) -> list[int]:
    program = read(text)
    (sink,) = (each for each in program.sinks if each.path.lost)
    return [operation.node.lineno for operation in missed(sink) if operation.node is not None]  # type: ignore[attr-defined]


def test_a_way_that_is_stopped_is_not_missed() -> None:
    text = _HEAD + (
        "value = model(x)\n"
        "target = tf.stop_gradient(0.9 * model(x))\n"
        "with tf.GradientTape() as tape:\n"
        "    loss = tf.reduce_mean((target - value) ** 2)\n" + _TAIL
    )
    assert lines(text) == [4]
    expected = "target = tf.stop_gradient(0.9 * model(x))\nwith tf.GradientTape() as tape:\n    value = model(x)\n"
    assert expected in mended(forward_outside_tape.RULE, text)


def test_a_way_through_an_array_is_not_missed() -> None:
    text = _HEAD + (
        "target = model.predict(x) * 0.5\n"
        "value = model(x)\n"
        "with tf.GradientTape() as tape:\n"
        "    loss = tf.reduce_mean((target - value) ** 2)\n" + _TAIL
    )
    assert lines(text) == [5]


def test_where_every_way_ends_elsewhere_too_all_of_it_is_missed() -> None:
    text = _HEAD + (
        "value = tf.stop_gradient(model(x))\n"
        "with tf.GradientTape() as tape:\n"
        "    loss = tf.reduce_mean(value ** 2)\n" + _TAIL
    )
    assert lines(text) == [4, 4]
