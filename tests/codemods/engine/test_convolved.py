"""A convolution in NumPy becomes `conv1d` where both give the same numbers, and stays withheld where they do not."""

from __future__ import annotations

import pytest
from regrad.codemods.left_tensorflow import RULE

from .programs import mended

_PROGRAM = """import numpy as np
import tensorflow as tf

COUNT, SHARES = 3, [0.2, 0.3, 0.5]


def calm(x):
    kernel = KERNEL
    return USE.astype(np.float32)


w = tf.Variable(tf.ones([6]))
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(tf.numpy_function(calm, [w], tf.float32))
w.assign_sub(tape.gradient(loss, w))
"""


@pytest.mark.parametrize(
    ("kernel", "use", "written"),
    [
        (
            "np.ones(COUNT) / COUNT",
            'np.convolve(x, kernel, mode="same")',
            'tf.nn.conv1d(x[tf.newaxis, :, tf.newaxis], tf.constant(kernel[::-1, None, None], tf.float32), 1, "SAME")'
            "[0, :, 0]",
        ),
        (
            "np.array([0.5, 0.5])",
            'np.convolve(x, kernel, "valid")',
            'tf.nn.conv1d(x[tf.newaxis, :, tf.newaxis], tf.constant(kernel[::-1, None, None], tf.float32), 1, "VALID")'
            "[0, :, 0]",
        ),
    ],
)
def test_one_signal(kernel: str, use: str, written: str) -> None:
    text = mended(RULE, _PROGRAM.replace("KERNEL", kernel).replace("USE", use))
    assert f"    kernel = {kernel}\n    return {written}\n" in text
    assert "tf.reduce_mean(calm(w))" in text


@pytest.mark.parametrize(
    ("kernel", "use"),
    [
        ("np.ones(4)", 'np.convolve(x, kernel, mode="same")'),
        ("np.ones(3)", "np.convolve(x, kernel)"),
        ("SHARES", 'np.convolve(x, kernel, "valid")'),
        ("np.square(x)", 'np.convolve(x, kernel, "valid")'),
        ("np.ones(3)", 'np.stack([np.convolve(row, kernel, "valid") for row in x], axis=1)'),
        ("np.ones(3)", 'np.stack([np.convolve(row, kernel, "valid") for row in x if row[0] > 0])'),
        ("np.ones(3)", 'np.stack([np.convolve(2 * row, kernel, "valid") for row in x])'),
        ("np.ones(6)", "np.maximum(x, kernel)"),
    ],
)
def test_what_is_not_the_same(kernel: str, use: str) -> None:
    text = mended(RULE, _PROGRAM.replace("KERNEL", kernel).replace("USE", use))
    assert text.startswith("withheld: ")


def test_a_window_stays() -> None:
    text = mended(RULE, _PROGRAM.replace("KERNEL", "np.hanning(6) / 2").replace("USE", "np.square(x * kernel)"))
    assert "    kernel = np.hanning(6) / 2\n    return tf.square(x * kernel)\n" in text
