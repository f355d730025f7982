"""Two models in the place of one: when one gives both outputs, and when nothing is touched."""

from __future__ import annotations

import pytest
from regrad.codemods.disconnected_target import RULE

from .programs import mended

_PROGRAM = """import numpy as np
import tensorflow as tf
from tensorflow import keras

picture = keras.Input((4,))
seen = keras.layers.Dense(3, name="seen")(picture)
whole = keras.Model(picture, keras.layers.Dense(2)(seen))
eye = keras.Model(whole.input, whole.get_layer("seen").output)
x = np.ones((2, 4), "float32")
with tf.GradientTape() as tape:
{body}
slopes = tape.gradient(told, shown)
print(tf.reduce_sum(slopes * shown, axis=-1))
{then}
"""


def _program(*body: str, then: str = "") -> str:
    return _PROGRAM.format(body="".join(f"    {line}\n" for line in body).rstrip("\n"), then=then)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (("shown = eye(x)", "told = whole(x)"), "    shown, told = eye(x)\n"),
        (("told = whole(x)", "shown = eye(x)"), "    shown, told = eye(x)\n"),
        (("shown = eye(x)", "told = whole(x)[:, 1]"), "    shown, prediction = eye(x)\n    told = prediction[:, 1]\n"),
        (("told = whole(x)[:, 1]", "shown = eye(x)"), "    shown, prediction = eye(x)\n    told = prediction[:, 1]\n"),
        (("shown = eye(x)", "tape.watch(shown)", "told = whole(x)"), "    shown, told = eye(x)\n"),
    ],
)
def test_one_call_gives_both(body: tuple[str, ...], left: str) -> None:
    text = mended(RULE, _program(*body))
    assert f"as tape:\n{left}slopes" in text
    assert 'eye = keras.Model(whole.input, [whole.get_layer("seen").output, whole.output])\n' in text


@pytest.mark.parametrize(
    "program",
    [
        _program("shown = eye(x)", "told = whole(x * 2)"),
        _program("shown = eye(x)", "x = x * 2", "told = whole(x)"),
        _program("shown = eye(x)", "told = whole(x)", then="print(eye.predict(x))"),
        _program("shown = eye(x)", "told = whole(x) + whole(x)"),
    ],
)
def test_what_is_not_certain_stays(program: str) -> None:
    assert mended(RULE, program).startswith("withheld: ")
