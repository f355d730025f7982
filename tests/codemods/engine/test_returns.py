"""Losses that are computed and not returned."""

from __future__ import annotations

from regrad.codemods.missing_loss import RULE

from .programs import found, mended

_STEP = """import tensorflow as tf

model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.SGD(0.1)
x = tf.ones((4, 2))


def error(prediction):
{body}

with tf.GradientTape() as tape:
    loss = error(model(x))
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""


def _program(*body: str) -> str:
    return _STEP.format(body="".join(f"    {line}\n" for line in body))


def test_what_was_bound_last_is_returned() -> None:
    text = mended(RULE, _program("square = tf.square(prediction)", "value = tf.reduce_mean(square)"))
    assert "    value = tf.reduce_mean(square)\n    return value\n" in text


def test_what_the_caller_names_comes_first() -> None:
    text = mended(RULE, _program("loss = tf.reduce_mean(prediction)", "seen = tf.size(prediction)", "print(seen)"))
    assert "    print(seen)\n    return loss\n" in text


def test_the_name_that_says_it_is_the_loss_comes_before_the_last() -> None:
    text = mended(RULE, _program("cost = tf.reduce_mean(prediction)", "top = tf.reduce_max(prediction)"))
    assert "    return cost\n" in text


def test_the_loss_of_two_branches_is_returned() -> None:
    lines = ["if len(x) > 3:", "    loss = tf.reduce_mean(prediction)", "else:", "    loss = tf.reduce_sum(prediction)"]
    assert "    return loss\n" in mended(RULE, _program(*lines, "top = tf.reduce_max(prediction)"))


def test_what_all_terms_lead_to_is_returned() -> None:
    lines = ["first_loss = tf.reduce_mean(prediction)", "other_loss = tf.reduce_max(prediction)"]
    assert "    return whole\n" in mended(RULE, _program(*lines, "whole = first_loss + other_loss"))
    assert mended(RULE, _program(*lines)).startswith("withheld: ")


def test_two_values_without_a_name_for_the_loss_are_left_to_the_author() -> None:
    lines = ["square = tf.reduce_mean(tf.square(prediction))", "size = tf.add_n([tf.nn.l2_loss(prediction)])"]
    assert mended(RULE, _program(*lines)).startswith("withheld: which of its values")
    lines = ["loss = tf.reduce_mean(tf.square(prediction))", "root = tf.sqrt(loss)"]
    assert (
        mended(
            RULE, _program(*lines).replace("loss = error", "value = error").replace("(loss, model", "(value, model")
        )[:9]
        == "withheld:"
    )


def test_what_is_only_measured_is_no_loss() -> None:
    lines = ["square = tf.reduce_mean(tf.square(prediction))", "rmse = tf.sqrt(square)", "print(rmse)"]
    assert mended(RULE, _program(*lines)).startswith("withheld: ")


def test_a_call_for_its_effect_is_no_result() -> None:
    lines = ["loss = tf.reduce_mean(prediction)", "tf.debugging.assert_all_finite(loss, '')"]
    assert "    return loss\n" in mended(RULE, _program(*lines))


def test_a_dropped_result_is_returned() -> None:
    text = mended(RULE, _program("tf.reduce_mean(tf.square(prediction))"))
    assert "    return tf.reduce_mean(tf.square(prediction))\n" in text


def test_a_function_that_returns_is_left_alone() -> None:
    assert found(RULE, _program("return tf.reduce_mean(prediction)")) == []
    assert found(RULE, _program("if x is None:", "    return None", "return tf.reduce_mean(prediction)")) == []


def test_a_placeholder_is_no_loss() -> None:
    assert found(RULE, _program("raise NotImplementedError")) == []
    assert found(RULE, _program("pass")) == []
