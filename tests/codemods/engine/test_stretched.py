"""Where which of two shapes is wanted is not certain, nothing is rewritten: half a mending leaves the same matrix."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.analysis.reader import read
from regrad.codemods import target_broadcast
from regrad.codemods.engine.rule import Withheld

PROGRAM = """
import numpy as np
import tensorflow as tf

rs = np.random.RandomState(0)
x = rs.rand(32, 3).astype("float32")
y, weight, column = x.sum(axis=1), rs.rand(32).astype("float32"), rs.rand(32, 1).astype("float32")
{before}
model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.SGD()
for _ in range(2):
    with tf.GradientTape() as tape:
        loss = {loss}
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
"""


def offered(tmp_path: Path, loss: str, before: str = "") -> list[str]:
    """For each finding what is put in, or why nothing is."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.format(loss=loss, before=before))
    program = read(str(path))
    told = []
    for finding in target_broadcast.RULE.detect(program):
        answer = target_broadcast.RULE.mend(program, finding)
        if isinstance(answer, Withheld):
            told.append(f"withheld: {answer.reason}")
        else:
            told.extend(edit.text for mending in answer for edit in mending.edits)
    return told


@pytest.mark.parametrize(
    ("loss", "before", "reason"),
    [
        ("tf.reduce_mean(weight * column * tf.square(y - model(x)))", "", "which of the two shapes"),
        ("tf.reduce_mean(unknown * tf.square(y - model(x)))", "unknown = np.load('weights.npy')", "is not known"),
        ("tf.reduce_mean(made(x) * tf.square(y - model(x)))", "from somewhere import made", "is not known"),
        ("tf.reduce_mean(made(tf.square(y - model(x))))", "from somewhere import made", "is not known"),
        ("tf.reduce_mean(tf.reduce_mean(weight * tf.square(y - model(x)), axis=1))", "", "which of the two shapes"),
    ],
    ids=["both shapes", "a shape that is not known", "unknown per sample", "unknown of all pairs", "summed along"],
)
def test_withheld(tmp_path: Path, loss: str, before: str, reason: str) -> None:
    (told,) = offered(tmp_path, loss, before)
    assert told.startswith("withheld: ") and reason in told


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        ("tf.reduce_mean(tf.square(y - model(x)))", "y[:, None]"),
        ("tf.reduce_mean(column * tf.square(y - model(x)))", "y[:, None]"),
        ("tf.reduce_mean(weight * tf.square(y - model(x)))", "model(x)[:, 0]"),
        ("tf.reduce_mean(tf.where(weight > 0.5, tf.abs(y - model(x)), 0.0))", "model(x)[:, 0]"),
        ("tf.reduce_mean((column - model(x)) ** 2 * weight)", "weight[:, None]"),
        ("tf.reduce_mean(tf.reduce_mean(tf.square(y - model(x)), axis=-1) * weight)", "y[:, None]"),
    ],
)
def test_the_axis_goes_where_the_rest_of_the_loss_has_it(tmp_path: Path, loss: str, text: str) -> None:
    assert offered(tmp_path, loss) == [text]


@pytest.mark.parametrize(
    "loss",
    [
        "tf.reduce_mean(tf.square(tf.reduce_mean(tf.exp(-tf.square(y - model(x))), 0) - 0.3))",
        "tf.reduce_sum(tf.nn.softmax(-tf.square(y - model(x))) * tf.square(y - model(x)))",
        "tf.reduce_mean(tf.abs(y - model(x)) - rs.rand(32, 32))",
        "tf.reduce_mean(tf.exp(-tf.abs(np.linspace(0, 1, 9) - model(x))))",
    ],
    ids=["along one axis", "attention", "beside a matrix", "another length"],
)
def test_pairs_that_are_meant(tmp_path: Path, loss: str) -> None:
    assert offered(tmp_path, loss) == []
