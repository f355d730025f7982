"""Data is supplied for names that a program never had, and never for a name that a rewrite took its meaning from."""

from __future__ import annotations

import pytest
from regrad.verify import Verdict

from .conftest import Compare

pytestmark = pytest.mark.tensorflow

PROGRAM = """
import tensorflow as tf
from tensorflow.keras import layers, Model
{outside}
def build(beta=0.1):
    x = layers.Input(shape=(4,))
    h = layers.Dense(3)(x)
    {term}
    net = Model(x, layers.Dense(1)(h))
    def loss(y, prediction):
        return tf.reduce_mean((y - prediction) ** 2){inside}
    net.compile("adam", loss=loss)
    return net
{data}
build().fit(X, X[:, :1], epochs=1, verbose=0)
"""
LAYER = """
class Term(layers.Layer):
    def call(self, h):
        self.add_loss({weight} * tf.reduce_mean(h ** 2))
        return h
"""
MADE = "import numpy as np\nX = np.random.default_rng(0).normal(size=(64, 4)).astype('float32')"


@pytest.mark.parametrize("data", [MADE, ""])
def test_a_local_name_that_is_lost_makes_it_worse(compare: Compare, data: str) -> None:
    broken = PROGRAM.format(outside="", term="pass", inside=" + beta * tf.reduce_mean(h ** 2)", data=data)
    moved = PROGRAM.format(outside=LAYER.format(weight="beta"), term="h = Term()(h)", inside="", data=data)
    evidence = compare(broken, moved)
    assert evidence.verdict is Verdict.WORSE
    assert "`beta`" in (evidence.reason or "")


def test_a_name_that_keeps_its_meaning_is_no_matter(compare: Compare) -> None:
    broken = PROGRAM.format(outside="", term="pass", inside=" + beta * tf.reduce_mean(h ** 2)", data="")
    moved = PROGRAM.format(outside=LAYER.format(weight="0.1"), term="h = Term()(h)", inside="", data="")
    assert compare(broken, moved).verdict is Verdict.MENDED
