"""`tf.gradients` under a tape: all that lies between the sources and the target, and nothing that would change it."""

from __future__ import annotations

import pytest
from regrad.codemods import minimize_precomputed

from .programs import mended

_HEAD = """import tensorflow as tf

net = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])
x = tf.ones((4, 3))
"""


def after(text: str) -> str:
    return mended(minimize_precomputed.RULE, _HEAD + text).removeprefix(_HEAD)


def test_every_statement_from_the_source_on_is_recorded() -> None:
    text = (
        "y = tf.tanh(x)\nscore = net(y)\nbest = tf.reduce_max(score)\nslope = tf.gradients(best, y)[0]\nprint(slope)\n"
    )
    assert after(text) == (
        "y = tf.tanh(x)\nwith tf.GradientTape() as tape:\n    tape.watch(y)\n    score = net(y)\n"
        "    best = tf.reduce_max(score)\nslope = tape.gradient(best, [y])[0]\nprint(slope)\n"
    )


def test_the_tape_opens_outside_of_the_branch_that_asks() -> None:
    text = "score = net(x)\nif len(x) > 2:\n    print(tf.gradients(score, net.trainable_weights))\n"
    expected = "with tf.GradientTape() as tape:\n    score = net(x)\nif len(x) > 2:\n"
    assert after(text) == expected + "    print(tape.gradient(score, net.trainable_weights))\n"


def test_one_tape_is_not_asked_in_each_turn_of_a_loop() -> None:
    text = "score = net(x)\nfor _ in range(2):\n    print(tf.gradients(score, net.trainable_weights))\n"
    assert after(text) == "withheld: the loss is computed in another block"


@pytest.mark.parametrize("argument", ["stop_gradients=[x]", "*[None]"])
def test_arguments_without_a_counterpart_are_withheld(argument: str) -> None:
    text = f"score = net(x)\nprint(tf.gradients(score, net.trainable_weights, {argument}))\n"
    assert after(text).startswith("withheld")
