"""Data that a program lacks is made as its author would have had it, the same for both sides of a comparison."""

# The programs under test stand on long lines.
# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from regrad.verify import Evidence, Job, Outcome, StepReport, Symptom, Verdict, Verifier
from regrad.verify.faults import sound
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


@pytest.mark.tensorflow
def test_arrays_in_files_that_are_missing_are_made(step: Step) -> None:
    report = step(
        "import numpy as np\nimport tensorflow as tf\nx = np.load('data/x_train.npy')\nwith np.load('labels.npz') as file:\n    y = file['y_train']\n"
        "model = tf.keras.Sequential([tf.keras.Input((12,)), tf.keras.layers.Dense(3, activation='softmax')])\n"
        "model.compile('adam', 'sparse_categorical_crossentropy')\nmodel.fit(x, y)\n"
    )
    assert (
        sound(report)
        and report.data == "synthetic"
        and report.supplied
        == (
            "x_train: 64 × 12 float32",
            "y_train: 64 int64",
        )
    )
    table = step(
        "import numpy as np\nimport tensorflow as tf\ndata = np.loadtxt('pima.csv', delimiter=',')\nx, y = data[:, 0:8], data[:, 8]\n"
        "model = tf.keras.Sequential([tf.keras.layers.Dense(4, input_shape=(8,)), tf.keras.layers.Dense(1, activation='sigmoid')])\n"
        "model.compile('adam', 'binary_crossentropy')\nmodel.fit(x, y)\n"
    )
    assert sound(table) and table.supplied == ("pima.csv: 64 × 9 numbers, the target last",)


@pytest.mark.tensorflow
def test_a_missing_table_has_the_columns_that_the_program_uses(step: Step) -> None:
    report = step(
        "import pandas as pd\nimport tensorflow as tf\nframe = pd.read_csv('houses.csv')\ny = frame.pop('target')\nx = frame[['rooms', 'area']]\n"
        "model = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)])\n"
        "model.compile('adam', 'mse')\nhistory = model.fit(x, y)\nprint(history.history['loss'])\n"
    )
    if report.outcome is Outcome.UNAVAILABLE:
        assert report.reason is not None and "pandas" in report.reason
        pytest.skip("no pandas in the interpreter of the programs")
    assert sound(report) and report.supplied == ("houses.csv: 64 rows of target, rooms, area",)


@pytest.mark.tensorflow
def test_folders_of_pictures_that_are_missing_are_made(step: Step) -> None:
    model = (
        "model = tf.keras.Sequential([tf.keras.layers.Rescaling(1 / 255), tf.keras.layers.Flatten(), tf.keras.layers.Dense(4, activation='softmax')])\n"
        "model.compile('adam', 'sparse_categorical_crossentropy')\n"
    )
    data = "data = tf.keras.utils.image_dataset_from_directory('flowers', image_size=(20, 30), batch_size=8)\nassert len(data.class_names) == 4\n"
    report = step("import tensorflow as tf\n" + data + model + "model.fit(data, epochs=2)\n")
    assert sound(report) and report.supplied == ("flowers: 64 pictures of 4 classes, 20 × 30",)
    flow = (
        "from tensorflow.keras.preprocessing.image import ImageDataGenerator\n"
        "flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory('pets', target_size=(20, 20), batch_size=8, class_mode='sparse')\n"
    )
    report = step("import tensorflow as tf\n" + flow + model + "model.fit(flow, steps_per_epoch=flow.samples // 8)\n")
    assert sound(report) and report.supplied == ("pets: 64 pictures of 4 classes, 20 × 20",)


@pytest.mark.tensorflow
def test_required_arguments_are_stood_in_for_and_given_ones_are_kept(verifier: Verifier, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(
        "import argparse, sys\nparser = argparse.ArgumentParser()\nparser.add_argument('name')\n"
        "parser.add_argument('--units', type=int, required=True)\nparser.add_argument('--kind', choices=['a', 'b'], required=True)\n"
        "given = parser.parse_args()\nsys.exit(f'{given.name} {given.units} {given.kind} {input()}')\n"
    )
    report = verifier.step(Job(str(path)))
    assert report.reason is not None and "name 1 a 1" in report.reason
    assert report.supplied == (
        "name: name, as the argument is required",
        "--units: 1, as the argument is required",
        "--kind: a, as the argument is required",
        "input(): 1",
    )
    report = verifier.step(Job(str(path), arguments=("net", "--units", "5", "--kind", "b")))
    assert report.reason is not None and "net 5 b 1" in report.reason
