"""Values that a layer computes once for a list of its own: computed in the loop over it, or left alone."""

from __future__ import annotations

import pytest
from regrad.codemods import forward_outside_tape

from .programs import mended

_PROGRAM = """import tensorflow as tf
class Stack(tf.keras.layers.Layer):
    def build(self, shape):
        self.maps = []
        for number in range(2):
            raw = self.add_weight(shape=(3, 3), name=f"raw_{number}")
            FILL
    def call(self, x):
        USE
        return x
model = tf.keras.Sequential([tf.keras.Input((3,)), Stack(), tf.keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(tf.ones((4, 3)), tf.ones((4, 1)))
"""
_FILL = "scaled = tf.nn.softplus(raw)\n            self.maps.append(scaled)"
_USE = "for scaled in self.maps:\n            x = x @ scaled"


def after(fill: str = _FILL, use: str = _USE) -> str:
    return mended(forward_outside_tape.RULE, _PROGRAM.replace("FILL", fill).replace("USE", use))


def test_a_list_of_one_weight_each_keeps_the_weights() -> None:
    new = after()
    assert "            self.maps.append(raw)\n" in new
    assert (
        "        for raw in self.maps:\n            scaled = tf.nn.softplus(raw)\n            x = x @ scaled\n" in new
    )


def test_a_list_beside_another_is_followed_through_zip() -> None:
    new = after(use="for scale, scaled in zip((1.0, 2.0), self.maps):\n            x = scale * x @ scaled")
    assert "for scale, raw in zip((1.0, 2.0), self.maps):\n            scaled = tf.nn.softplus(raw)\n" in new


@pytest.mark.parametrize(
    ("fill", "use"),
    [
        # Read in two places.
        (_FILL, "x = x @ self.maps[0]\n        " + _USE),
        # No loop goes through it.
        (_FILL, "x = x @ self.maps[0] @ self.maps[1]"),
        # The loop's method has the weight's name for something else.
        (_FILL, "raw = x\n        " + _USE + "\n        x = x + raw"),
        # The value is used beside the list, too.
        (_FILL + "\n            self.last = scaled", _USE),
        # What else is in the list is not known.
        (_FILL + "\n            self.maps.append(tf.eye(3))", _USE),
    ],
)
def test_what_cannot_be_followed_is_left_alone_with_the_reason(fill: str, use: str) -> None:
    assert after(fill, use).startswith("withheld: ")
