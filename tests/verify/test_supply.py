"""Data that a program lacks is made as its author would have had it, the same for both sides of a comparison."""

# The programs under test stand on long lines.
# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable

import pytest
from regrad.verify import Evidence, Outcome, StepReport, Symptom, Verdict
from regrad.verify.verdict import sound
from regrad.verify.worker.undefined import is_target, undefined_names

Step = Callable[..., StepReport]
Compare = Callable[..., Evidence]

BINARY = """
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Dense
model = Sequential([Dense(128, activation="relu", input_shape=(20,)), Dense(1, activation="sigmoid")])
model.compile(optimizer="adam", loss="{loss}", metrics=["accuracy"])
model.fit(X_train, y_train, epochs=10, batch_size=32)
"""
TEN_CLASSES = """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.layers.Dense(64, activation="relu"), tf.keras.layers.Dense(10, activation="softmax")])
{freeze}
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
model.fit(train_images, train_labels, epochs=5)
"""


def test_undefined_names_are_those_that_nothing_binds() -> None:
    text = "import os\ndef f(a):\n    global late\n    late = 1\n    return a + b + X_train\nfor i in range(c): pass\nf(late)\n"
    assert undefined_names(text) == {"b", "c", "X_train"}
    assert undefined_names("syntax error here") == set()
    assert undefined_names("X = X.reshape(3)\ny = [n for n in X]\ndef f():\n    return later\nlater = f\n") == {"X"}
    assert (
        undefined_names(
            "for i in range(3):\n    total = i\nprint(total)\ntry:\n    pass\nexcept OSError as e:\n    e\n"
        )
        == set()
    )


@pytest.mark.parametrize(
    "name", ["y", "y_train", "Y", "train_labels", "labels", "target", "y_true", "test_y", "trainY"]
)
def test_names_of_targets(name: str) -> None:
    assert is_target(name)


@pytest.mark.parametrize("name", ["x", "X_train", "images", "features", "train_images", "data", "inputs"])
def test_names_of_inputs(name: str) -> None:
    assert not is_target(name)


@pytest.mark.tensorflow
def test_labels_for_one_unit_are_zero_or_one_so_that_the_bug_stays_visible(compare: Compare) -> None:
    evidence = compare(BINARY.format(loss="categorical_crossentropy"), BINARY.format(loss="binary_crossentropy"))
    assert evidence.verdict is Verdict.MENDED
    assert (
        evidence.before.supplied
        == evidence.after.supplied
        == ("X_train: 64 × 20 float32", "y_train: 64 × 1 float32, 0 or 1")
    )
    assert evidence.before.data == "synthetic" and Symptom.LOSS_IS_ZERO in evidence.before.symptoms


@pytest.mark.tensorflow
def test_ten_classes_get_ten_integer_labels(compare: Compare) -> None:
    evidence = compare(TEN_CLASSES.format(freeze="model.layers[0].trainable = False"), TEN_CLASSES.format(freeze=""))
    assert evidence.verdict is Verdict.MENDED
    assert Symptom.UNTRAINED_LAYER_FROZEN in evidence.before.symptoms
    assert evidence.after.supplied[1] == "train_labels: 64 int64"


@pytest.mark.tensorflow
def test_a_wrong_guess_is_corrected_by_the_model(step: Step) -> None:
    report = step(
        "import tensorflow as tf\ndef shape():\n    return (12, 12, 1)\n"
        "model = tf.keras.Sequential([tf.keras.Input(shape()), tf.keras.layers.Flatten(), tf.keras.layers.Dense(3, activation='softmax')])\n"
        "model.compile('adam', 'categorical_crossentropy')\nmodel.fit(images, labels)\n"
    )
    assert sound(report) and report.supplied == ("images: 64 × 12 × 12 × 1 float32", "labels: 64 × 3 float32, one-hot")


@pytest.mark.tensorflow
def test_data_sets_have_their_true_shape(step: Step) -> None:
    report = step(
        "import tensorflow as tf\nfrom tensorflow.keras.datasets import mnist\n(x, y), (xt, yt) = mnist.load_data()\n"
        "x = x.reshape(60000, 784).astype('float32') / 255\nassert xt.shape == (10000, 28, 28) and y.dtype == 'uint8'\n"
        "model = tf.keras.Sequential([tf.keras.Input((784,)), tf.keras.layers.Dense(10, activation='softmax')])\n"
        "model.compile('adam', 'sparse_categorical_crossentropy')\nmodel.fit(x, y, validation_data=(xt, yt), epochs=9)\n"
    )
    assert sound(report) and report.supplied == ("keras.datasets.mnist: 60000 × 28 × 28 uint8",)


@pytest.mark.tensorflow
def test_what_cannot_be_supplied_is_named(step: Step) -> None:
    for text, word in (
        ("import no_such_module_at_all", "no_such_module_at_all"),
        ("open('missing.csv').read()", "missing.csv"),
        ("import urllib.request\nurllib.request.urlopen('http://example.com')", "network"),
        ("batches = load_my_batches()", "load_my_batches"),
    ):
        report = step(text)
        assert report.outcome is Outcome.UNAVAILABLE, text
        assert report.reason is not None and word in report.reason
