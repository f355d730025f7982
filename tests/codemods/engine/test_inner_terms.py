"""A term of the inside of a model: when it becomes a layer, and why not."""

from __future__ import annotations

import pytest
from regrad.codemods.loss_captures_symbolic import RULE

from .programs import mended

_MODEL = """import tensorflow as tf
from tensorflow.keras import Input, Model, layers

signal = Input((4,))
code = layers.Dense(2)(signal)
copy = layers.Dense(4)(code)


def loss(y_true, y_pred):
{body}

model = Model(signal, copy)
model.compile("sgd", loss=loss)
model.fit(tf.ones((4, 4)), tf.ones((4, 4)))
"""


def _program(*body: str) -> str:
    return _MODEL.format(body="".join(f"    {line}\n" for line in body))


def test_the_sum_stays_the_same() -> None:
    text = mended(
        RULE,
        _program(
            "error = tf.reduce_mean(tf.square(y_true - y_pred))",
            "return error + 0.1 * tf.reduce_sum(tf.abs(code))",
        ),
    )
    assert "class InnerTerm(layers.Layer):\n    def call(self, code):\n" in text
    assert "        self.add_loss(0.1 * tf.reduce_sum(tf.abs(code)))\n        return code\n" in text
    assert "code = layers.Dense(2)(signal)\ncode = InnerTerm()(code)\ncopy" in text
    assert "    return error\n" in text


def test_a_term_for_each_sample_is_averaged_as_keras_averages_it() -> None:
    text = mended(
        RULE,
        _program(
            "active = tf.reduce_sum(tf.abs(code), axis=-1)",
            "return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) + active",
        ),
    )
    assert "self.add_loss(tf.reduce_mean(active))" in text


def test_what_else_the_loss_does_stays_there() -> None:
    text = mended(RULE, _program("print('loss')", "return tf.square(y_true - y_pred) + tf.reduce_mean(code)"))
    assert "    print('loss')\n    return tf.square(y_true - y_pred)\n" in text
    assert "self.add_loss(tf.reduce_mean(code))" in text


def test_a_term_that_is_taken_off_keeps_its_sign() -> None:
    text = mended(RULE, _program("return tf.reduce_mean(tf.square(y_true - y_pred)) - tf.reduce_mean(code)"))
    assert "self.add_loss(-tf.reduce_mean(code))" in text
    assert "    return tf.reduce_mean(tf.square(y_true - y_pred))\n" in text


@pytest.mark.parametrize(
    "body",
    [
        ("return tf.reduce_mean(tf.square(y_true - y_pred) * code[:, :1])",),
        ("weight = tf.reduce_mean(code)", "return tf.reduce_mean(tf.square(y_true - y_pred)) * weight + weight"),
        ("value = tf.reduce_mean(y_pred)", "for _ in range(2):", "    value += tf.reduce_mean(code)", "return value"),
    ],
)
def test_what_is_mixed_is_left_to_the_author(body: tuple[str, ...]) -> None:
    assert mended(RULE, _program(*body)).startswith("withheld: ")


def test_a_tensor_that_leads_nowhere_cannot_carry_a_layer() -> None:
    text = _program("return tf.reduce_mean(tf.square(y_true - y_pred)) + tf.reduce_mean(aside)")
    text = text.replace(
        "copy = layers.Dense(4)(code)\n", "copy = layers.Dense(4)(code)\naside = layers.Dense(1)(code)\n"
    )
    assert mended(RULE, text).endswith("the model does not go on from the tensor")
