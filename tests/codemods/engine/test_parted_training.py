"""A training parted in two: only where the epoch is known and both parts do together what the one was to do."""

from __future__ import annotations

import pytest
from regrad.codemods import stale_trainable

from .programs import mended

_TEXT = """import keras
import numpy as np

x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")


class Join(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            self.model.layers[0].trainable = True


net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, trainable=False), keras.layers.Dense(1)])
net.compile("adam", "mse")
net.fit(x, y, epochs=5, callbacks=[Join()])
"""


def after(*changes: tuple[str, str]) -> str:
    text = _TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return mended(stale_trainable.RULE, text)


def test_two_parts_with_a_compilation_between_them() -> None:
    expected = (
        "net.fit(x, y, epochs=2)\nnet.layers[0].trainable = True\n"
        'net.compile("adam", "mse")\nnet.fit(x, y, epochs=5, initial_epoch=2)\n'
    )
    assert after().endswith(expected)
    assert "class Join" not in after()


def test_the_end_of_an_epoch_comes_before_the_next() -> None:
    assert "net.fit(x, y, epochs=5, initial_epoch=3)" in after(("on_epoch_begin", "on_epoch_end"))


def test_a_callback_that_is_used_elsewhere_stays() -> None:
    assert after(("net.fit(", "print(Join)\nnet.fit(")).startswith("withheld")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("epoch == 2", "epoch >= len(x)"),
        ("epochs=5", "epochs=2"),
        ("net.fit(", "history = net.fit("),
        ("net.fit(x, y,", "net.fit(np.sin(x), y,"),
        ("[Join()]", "[Join(), keras.callbacks.TerminateOnNaN()]"),
        ("trainable = True\n", "trainable = True\n            self.model.stop_training = False\n"),
    ],
)
def test_what_two_parts_would_not_do_is_withheld(old: str, new: str) -> None:
    assert after((old, new)).startswith("withheld")
