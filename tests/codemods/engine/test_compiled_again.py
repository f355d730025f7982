"""Compiling again: how that is written in other code, where it stands, and where it cannot be said."""

from __future__ import annotations

from regrad.codemods import stale_trainable

from .programs import mended

_HEAD = """import numpy as np
from tensorflow import keras

x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
"""
_BUILD = """

def build(rate, loss="mse"):
    base = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    base.trainable = False
    model = keras.Sequential([base, keras.layers.Dense(1)])
    {}
    return model, base


"""


def program(compiling: str, use: str) -> str:
    return _HEAD + _BUILD.format(compiling) + use


def after(text: str) -> str:
    return mended(stale_trainable.RULE, text)


_TWICE = "net.fit(x, y)\nlower.trainable = True\nnet.fit(x, y)\n"


def test_what_parameters_were_given_is_written_out() -> None:
    text = program("model.compile(keras.optimizers.Adam(rate / 2), loss)", "net, lower = build(4 * 1e-3)\n" + _TWICE)
    expected = 'lower.trainable = True\nnet.compile(keras.optimizers.Adam((4 * 1e-3) / 2), "mse")\nnet.fit(x, y)\n'
    assert after(text).endswith(expected)


def test_an_optimizer_that_is_read_elsewhere_is_not_made_anew() -> None:
    text = program(
        "model.compile(rule, loss)",
        "rule = keras.optimizers.Adam()\nnet, lower = build(1e-3)\n" + _TWICE + "print(rule)\n",
    )
    assert after(text).startswith("withheld: its optimizer is an object that knows the old variables only")


def test_a_local_name_that_is_bound_twice_cannot_be_said() -> None:
    compiling = "scale = 2\n    scale = scale * rate\n    model.compile(keras.optimizers.Adam(scale), loss)"
    text = program(compiling, "net, lower = build(1e-3)\n" + _TWICE)
    assert after(text) == "withheld: `scale` is a local name of `build`"


def test_before_a_loop_of_steps_and_behind_all_flags() -> None:
    use = (
        "net, lower = build(1e-3)\nnet.fit(x, y)\nlower.trainable = True\nfor layer in lower.layers[1:]:\n"
        "    layer.trainable = False\nfor _ in range(3):\n    net.train_on_batch(x, y)\n"
    )
    text = program('model.compile("adam", loss)', use)
    expected = (
        'for layer in lower.layers[1:]:\n    layer.trainable = False\nnet.compile("adam", "mse")\nfor _ in range(3):\n'
    )
    assert expected in after(text)


def test_what_the_author_sets_on_the_optimizer_stays_set() -> None:
    use = (
        "net, lower = build(1e-3)\nnet.fit(x, y)\n"
        "net.optimizer.learning_rate = 1e-5\nlower.trainable = True\nnet.fit(x, y)\n"
    )
    text = program('model.compile("adam", loss)', use)
    assert 'net.compile("adam", "mse")\nnet.optimizer.learning_rate = 1e-5\nlower.trainable = True\n' in after(text)


def test_a_flag_that_changes_from_pass_to_pass_is_compiled_in_the_loop() -> None:
    use = "net, lower = build(1e-3)\nfor turn in range(3):\n    lower.trainable = turn > 1\n    net.fit(x, y)\n"
    text = program('model.compile("adam", loss)', use)
    assert after(text).endswith('    lower.trainable = turn > 1\n    net.compile("adam", "mse")\n    net.fit(x, y)\n')


def test_the_passes_of_a_loop_that_changes_no_flag_are_one_training() -> None:
    use = "net, lower = build(1e-3)\nfor turn in range(3):\n    lower.trainable = False\n    net.fit(x, y)\n"
    assert after(program('model.compile("adam", loss)', use)) == ""
