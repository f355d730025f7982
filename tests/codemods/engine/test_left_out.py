"""Networks in front of what is trained: several that nobody trains are said to be left out, unless they are to stay."""

from __future__ import annotations

import pytest
from regrad.codemods import gradients_misapplied

from .programs import read

_PROGRAM = """
import tensorflow as tf
{remark}
first = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu")])
second = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="tanh")])
readout = tf.keras.Sequential([tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.Adam(1e-2)
x = tf.random.normal((16, 3))
{before}
for _ in range(3):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((readout(first(x) + second(x)) - x[:, :1]) ** 2)
    gradients = tape.gradient(loss, {asked})
    optimizer.apply_gradients(zip(gradients, {asked}))
"""


def _found(remark: str = "", before: str = "", asked: str = "readout.trainable_variables") -> int:
    program = read(_PROGRAM.format(remark=remark, before=before, asked=asked))
    return len(list(gradients_misapplied.detect(program)))


def test_the_first_of_several_is_named() -> None:
    assert _found() == 1


@pytest.mark.parametrize(
    "given",
    [
        {"remark": "# both encoders are kept frozen"},
        {"before": "first.load_weights('first.h5')"},
        {"before": "first.trainable = False\nsecond.trainable = False"},
        {"before": "first.compile('sgd', 'mse')\nfirst.fit(x, x)\nsecond.compile('sgd', 'mse')\nsecond.fit(x, x)"},
        {"before": "pretrain_networks(first, second)"},
        {"asked": "(readout.trainable_variables + first.trainable_variables + second.trainable_variables)"},
    ],
)
def test_what_is_to_stay_or_moves_elsewhere_is_not(given: dict[str, str]) -> None:
    assert _found(**given) == 0
