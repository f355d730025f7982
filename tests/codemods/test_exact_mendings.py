"""Mendings whose gain one training step cannot show: the exact text that they leave, for fixtures without a twin."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.analysis.reader import read
from regrad.codemods.engine import edits, guard, registry
from regrad.codemods.engine.rule import Withheld

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
EXPECTED = [
    (
        "variable-not-trainable",
        "seed_of_dropout",
        "    gradients = tape.gradient(loss, regressor.weights)\n"
        "    rmsprop.apply_gradients(zip(gradients, regressor.weights))\n",
        "    gradients = tape.gradient(loss, regressor.trainable_weights)\n"
        "    rmsprop.apply_gradients(zip(gradients, regressor.trainable_weights))\n",
    ),
    ("loss-arguments-swapped", "loop", "        loss = bce(predictions, y)\n", "        loss = bce(y, predictions)\n"),
    ("loss-arguments-swapped", "parameters", "def smoothed(y_pred, y_true):\n", "def smoothed(y_true, y_pred):\n"),
    (
        "loss-arguments-swapped",
        "by_hand",
        "def negative_log_likelihood(y_pred, y_true):",
        "def negative_log_likelihood(y_true, y_pred):",
    ),
    (
        "target-broadcast",
        "loop",
        "        loss = tf.reduce_mean(tf.square(prediction - y))\n",
        "        loss = tf.reduce_mean(tf.square(prediction - y[:, None]))\n",
    ),
    (
        "target-broadcast",
        "batches",
        "squared_difference(targets, predictions)",
        "squared_difference(targets[:, None], predictions)",
    ),
    (
        "logits-mismatch",
        "squashed_twice",
        "BinaryCrossentropy(from_logits=True, label_smoothing=0.1)",
        "BinaryCrossentropy(label_smoothing=0.1)",
    ),
    (
        "output-rank",
        "sequences",
        "    layers.LSTM(8, return_sequences=True),\n    layers.Dropout",
        "    layers.LSTM(8),\n    layers.Dropout",
    ),
    ("targets-missing", "folders", ", labels=None, image_size", ", image_size"),
    ("loss-head-mismatch", "own_function", "K.categorical_crossentropy(", "K.binary_crossentropy("),
]


@pytest.mark.parametrize(("name", "program", "old", "new"), EXPECTED, ids=[f"{each[0]}-{each[1]}" for each in EXPECTED])
def test_exact(name: str, program: str, old: str, new: str) -> None:
    rule = registry.rule_by_code(name)
    path = FIXTURES / name.replace("-", "_") / "broken" / f"{program}.py"
    seen = read(str(path))
    (finding,) = {each.location: each for each in rule.detect(seen)}.values()
    offered = guard.settle(seen.files, rule.mend(seen, finding))
    assert not isinstance(offered, Withheld), offered.reason
    texts = edits.apply_all(seen.files, offered[0].edits)
    before = path.read_text()
    assert old in before
    assert texts == {str(path): before.replace(old, new)}


def test_a_forgotten_term_is_the_mistake_and_stopping_beside_it_is_not() -> None:
    """The critic would be trained through the advantage, were it not stopped, which is usual."""
    seen = read(str(FIXTURES / "partial_loss" / "broken" / "advantage_stopped.py"))
    reported = {finding.code for rule in registry.rules() for finding in rule.detect(seen)}
    assert reported == {"RG109"}
