"""Weights of the examples that are an input of the model: when they go to the training, and when nothing is touched."""

from __future__ import annotations

import pytest
from regrad.codemods.loss_captures_symbolic import RULE

from .programs import mended

_MODEL = """import numpy as np
import tensorflow as tf
from tensorflow.keras import Input, Model, layers

signal, x = Input((4,)), np.ones((8, 4))
weight = Input((1,))
told = layers.Dense(2)({inputs})
model = Model([signal, weight], told)


def loss(y_true, y_pred):
    return {loss}


model.compile("sgd", loss=loss)
model.fit([x, x[:, :1]], x[:, :2], epochs=2)
{then}
"""
_EACH = "tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)"


def _program(loss: str, then: str = "", inputs: str = "signal") -> str:
    return _MODEL.format(loss=loss, then=then, inputs=inputs)


@pytest.mark.parametrize(
    ("loss", "left"),
    [
        (f"tf.reduce_mean({_EACH} * weight[:, 0])", _EACH),
        (f"tf.squeeze(weight, -1) * {_EACH}", _EACH),
        ("tf.reduce_mean(weight * tf.square(y_true - y_pred))", "tf.square(y_true - y_pred)"),
        ("tf.reduce_sum(weight * tf.square(y_true - y_pred), axis=-1)",
         "tf.reduce_sum(tf.square(y_true - y_pred), axis=-1)"),
    ],
)  # fmt: skip
def test_the_weight_leaves_the_model_and_comes_with_the_data(loss: str, left: str) -> None:
    text = mended(RULE, _program(loss, "model.predict([x, x[:, :1]])"))
    assert f"    return {left}\n" in text and "weight = Input" not in text
    assert "model = Model(signal, told)\n" in text
    assert "model.fit(x, x[:, :2], sample_weight=x[:, :1], epochs=2)\nmodel.predict(x)\n" in text


@pytest.mark.parametrize(
    "program",
    [
        _program(f"tf.reduce_sum({_EACH} * weight[:, 0])"),
        _program(f"tf.reduce_mean({_EACH} * weight[:, 0]) / tf.reduce_mean(weight)"),
        _program(f"tf.reduce_mean({_EACH} * weight)"),
        _program(f"tf.reduce_mean({_EACH} * tf.exp(weight[:, 0]))"),
        _program(f"tf.reduce_mean({_EACH} * weight[:, 0])", inputs="layers.concatenate([signal, weight])"),
        _program(f"tf.reduce_mean({_EACH} * weight[:, 0])", "print(model([x, x[:, :1]]))"),
        _program(f"tf.reduce_mean({_EACH} * weight[:, 0])", "model.evaluate(data)"),
        _program(f"tf.reduce_mean({_EACH} * weight[:, 0])", "other = Model([signal, weight], told)"),
    ],
)
def test_what_is_no_mere_weight_is_not_handed_over_as_one(program: str) -> None:
    """Whatever else mends it (it may come beside the targets), the model keeps its input."""
    text = mended(RULE, program)
    assert "sample_weight" not in text and (text.startswith("withheld: ") or "weight = Input((1,))" in text)
