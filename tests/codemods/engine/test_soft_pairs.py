"""Steps that belong together, in a loss of two probabilities."""

from __future__ import annotations

import pytest
from regrad.codemods.non_differentiable_operation import RULE

from .programs import mended

_LOSS = """import tensorflow as tf

model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(2, activation="sigmoid")])


def loss(y, p):
    one, other = p[:, 0], p[:, 1]
{body}

model.compile(optimizer="adam", loss=loss)
model.fit(tf.random.normal((8, 4)), tf.zeros((8, 2)))
"""


def _program(*body: str) -> str:
    return _LOSS.format(body="".join(f"    {line}\n" for line in body))


def _decided(expression: str) -> str:
    return _program(f"met = {expression}", "return tf.reduce_mean(tf.cast(met, tf.float32))")


@pytest.mark.parametrize(
    ("expression", "soft"),
    [
        ("tf.logical_and(one > 0.5, other > 0.5)", "one * other"),
        ("(one > 0.5) | (other > 0.5)", "tf.maximum(one, other)"),
        ("tf.math.logical_xor(one > 0.5, other > 0.5)", "one + other - 2.0 * one * other"),
        ("(y[:, 0] > 0.5) & (one > 0.5)", "tf.cast(y[:, 0] > 0.5, tf.float32) * one"),
        (
            "(one > 0.5) ^ (y[:, 0] > 0.5)",
            "one + tf.cast(y[:, 0] > 0.5, tf.float32) - 2.0 * one * tf.cast(y[:, 0] > 0.5, tf.float32)",
        ),
    ],
)
def test_two_decisions_in_one(expression: str, soft: str) -> None:
    assert f"    met = {soft}\n" in mended(RULE, _decided(expression))


def test_the_bits_of_whole_numbers_are_no_decisions() -> None:
    text = _program(
        "codes = tf.cast(one * 255, tf.int32) ^ tf.cast(other * 255, tf.int32)",
        "return tf.reduce_mean(tf.cast(codes, tf.float32))",
    )
    assert mended(RULE, text).startswith("withheld: the bits")


@pytest.mark.parametrize(
    "met", ["one > tf.floor(one)", "tf.equal(p[:, 0], tf.round(p[:, 0]))", "tf.math.ceil(one) - tf.floor(one)"]
)
def test_a_number_that_meets_itself_rounded(met: str) -> None:
    assert mended(RULE, _decided(met)).startswith("withheld: a number is compared with the same number rounded")


@pytest.mark.parametrize(
    ("whole", "rest"),
    [
        ("count // 12", "count % 12"),
        ("tf.math.floordiv(count, 12)", "tf.math.floormod(count, 12)"),
        ("tf.cast(tf.floor(one * 90.0 / 12.0), tf.int32)", "count % 12"),
    ],
)
def test_a_whole_part_beside_the_rest(whole: str, rest: str) -> None:
    lines = ["count = tf.cast(one * 90.0, tf.int32)", f"whole = {whole}", f"rest = {rest}"]
    text = _program(*lines, "return tf.reduce_mean(tf.cast(10 * whole + rest, tf.float32))")
    assert mended(RULE, text).startswith("withheld: the whole part and the rest")


def test_a_whole_part_alone_and_a_number_beside_another_one_rounded() -> None:
    whole = _program("count = tf.cast(one * 90.0, tf.int32)", "return tf.reduce_mean(tf.cast(count // 12, tf.float32))")
    assert "tf.reduce_mean(count / 12)" in mended(RULE, whole)
    assert not mended(RULE, _decided("one > tf.round(other)")).startswith("withheld")
