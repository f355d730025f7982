"""The input as its own target: in the pipeline, in the generator, and never where something else reads that."""

from __future__ import annotations

from regrad.codemods import targets_in_list, targets_missing

from .programs import mended

_HEAD = """import numpy as np
import tensorflow as tf

rows = np.ones((12, 6), "float32")
net = tf.keras.Sequential([tf.keras.Input((6,)), tf.keras.layers.Dense(2), tf.keras.layers.Dense(6)])
net.compile("adam", "mse")
"""
_BATCHES = """

def batches(count):
    for _ in range(count):
        yield rows[:4] + 1


"""


def after(text: str) -> str:
    return mended(targets_missing.RULE, _HEAD + text).removeprefix(_HEAD)


def test_a_generator_computes_its_batch_once() -> None:
    text = _BATCHES + "net.fit(batches(9), validation_data=batches(3))\n"
    assert "        batch = rows[:4] + 1\n        yield batch, batch\n" in after(text)


def test_a_generator_that_something_else_reads_stays() -> None:
    text = _BATCHES + "net.fit(batches(9))\nprint(next(batches(1)).shape)\n"
    assert after(text) == "withheld: `batches` is used for other things than models as well"


def test_data_that_are_judged_later_are_mapped_for_both() -> None:
    text = "data = tf.data.Dataset.from_tensor_slices(rows).batch(4)\nnet.fit(data)\nnet.evaluate(data)\n"
    assert "data = data.map(lambda x: (x, x))\nnet.fit(data)\nnet.evaluate(data)\n" in after(text)


def test_data_that_are_looked_at_later_are_mapped_for_the_training_alone() -> None:
    text = "data = tf.data.Dataset.from_tensor_slices(rows).batch(4)\nnet.fit(data)\nfor row in data:\n    print(row)\n"
    assert "net.fit(data.map(lambda x: (x, x)))\n" in after(text)


def test_validation_data_with_targets_stay() -> None:
    text = (
        "data = tf.data.Dataset.from_tensor_slices(rows).batch(4)\n"
        "held = tf.data.Dataset.from_tensor_slices((rows, rows)).batch(4)\nnet.fit(data, validation_data=held)\n"
    )
    assert "net.fit(data.map(lambda x: (x, x)), validation_data=held)\n" in after(text)


def test_two_samples_are_no_pair() -> None:
    samples = "data = tf.data.Dataset.from_tensor_slices([rows[0], rows[1]]).repeat(8).batch(4)\nnet.fit(data)\n"
    assert mended(targets_in_list.RULE, _HEAD + samples) == ""
    arrays = "data = tf.data.Dataset.from_tensor_slices([rows, rows + 1]).batch(4)\nnet.fit(data)\n"
    assert "from_tensor_slices((rows, rows + 1))" in mended(targets_in_list.RULE, _HEAD + arrays)
