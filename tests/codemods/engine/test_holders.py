"""What Keras does not look into: measured on Keras 3.15 and tf_keras 2.21 (see `holders`)."""

from __future__ import annotations

import pytest
from regrad.codemods.untracked_variable import RULE

from .programs import found, mended

_MODEL = """import {keras} as keras
import numpy as np
import tensorflow as tf


class Part{base}:
    def __init__(self):
        {first}
        self.inner = keras.layers.Dense(3)

    def {method}(self, x):
        return self.inner(x)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        {held}
        self.out = keras.layers.Dense(1)

    def call(self, x):
        return self.out({used}(x))


net = Net()
net.compile("sgd", "mse")
net.fit(np.ones((4, 2)), np.ones((4, 1)))
"""


def _program(**changes: str) -> str:
    usual = {
        "keras": "keras",
        "base": "",
        "first": "self.size = 3",
        "method": "__call__",
        "held": "self.part = Part()",
        "used": "self.part",
    }
    return _MODEL.format(**{**usual, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"held": "self.parts = [[Part()]]", "used": "self.parts[0][0]"},
        {"held": 'self.parts = {"a": Part()}', "used": 'self.parts["a"]'},
        {"base": "(tf.Module)", "first": "super().__init__()"},
    ],
)
def test_layers_out_of_sight_are_reported(changes: dict[str, str]) -> None:
    assert [finding.variables for finding in found(RULE, _program(**changes))] == [("inner",)]


@pytest.mark.parametrize(
    "changes",
    [
        {"base": "(keras.layers.Layer)", "first": "super().__init__()", "method": "call"},
        {"held": "self.part = Part(); self.again = self.part.inner"},
        {"held": "self.part = Part(); self.both = (self.part, [self.part.inner])"},
        {"base": "(tf.Module)", "first": "super().__init__()", "keras": "tf_keras"},
        {"base": "(Unknown)"},
    ],
)
def test_layers_in_sight_are_not(changes: dict[str, str]) -> None:
    assert found(RULE, _program(**changes)) == []


def test_a_class_that_means_something_else_by_a_name_of_layers_is_left_to_the_author() -> None:
    text = mended(RULE, _program(first='self.name = "part"'))
    assert text == "withheld: `name` of `Part` means something else in a layer"
