"""Whether a loss reacts to the targets: asked with guesses among the targets, where every loss tells them apart."""

from __future__ import annotations

import pytest
from regrad.verify import Outcome, Symptom

from .conftest import Step

pytestmark = pytest.mark.tensorflow

PROGRAM = """
import keras
import numpy as np
rng = np.random.default_rng(0)
x = rng.normal(size=(16, 3)).astype("float32")
y = {targets}
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense({units}{activation})])
model.compile("sgd", {loss})
model.fit(x, y, epochs=2, verbose=0)
"""


@pytest.mark.parametrize("loss", ["mae", "mse", "huber", "log_cosh", "mape", "msle", "poisson"])
@pytest.mark.parametrize("targets", ["x[:, :1] ** 2 * 9 + 200", "rng.integers(3, 9, (16, 1)).astype('float32')"])
def test_large_targets(step: Step, loss: str, targets: str) -> None:
    report = step(PROGRAM.format(units=1, targets=targets, loss=repr(loss), activation=", activation='softplus'"))
    assert Symptom.LOSS_IGNORES_TARGETS not in report.symptoms


def test_negative_targets(step: Step) -> None:
    report = step(PROGRAM.format(units=1, targets="x[:, :1] - 50", loss="'mae'", activation=""))
    assert Symptom.LOSS_IGNORES_TARGETS not in report.symptoms


def test_a_loss_that_does_not_look(step: Step) -> None:
    blind = "keras.losses.CategoricalCrossentropy()"
    report = step(
        PROGRAM.format(units=1, targets="(x[:, :1] > 0) * 1.0", loss=blind, activation=", activation='sigmoid'")
    )
    assert {Symptom.LOSS_IGNORES_TARGETS, Symptom.LOSS_IS_ZERO} & set(report.symptoms)


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        # A number has no direction but its sign, and all targets have the same.
        ("'cosine_similarity'", "abs(x[:, :1]) + 1"),
        ("keras.losses.CosineSimilarity()", "rng.integers(1, 9, (16, 1)).astype('float32')"),
        # Keras takes every target above one for one.
        ("'kl_divergence'", "abs(x[:, :1]) + 1"),
    ],
)
def test_a_loss_that_does_not_react(step: Step, loss: str, targets: str) -> None:
    report = step(PROGRAM.format(units=1, targets=targets, loss=loss, activation=", activation='softplus'"))
    assert report.outcome is Outcome.STEPPED
    assert Symptom.LOSS_IGNORES_TARGETS in report.symptoms


@pytest.mark.parametrize(
    ("loss", "units", "targets"),
    [
        ("cosine_similarity", 1, "x[:, :1]"),
        ("cosine_similarity", 2, "abs(x[:, :2]) + 1"),
        ("kl_divergence", 1, "1 / (1 + np.exp(-x[:, :1]))"),
        ("hinge", 1, "(x[:, :1] > 0) * 2.0 - 1"),
    ],
)
def test_the_same_losses_where_targets_tell(step: Step, loss: str, units: int, targets: str) -> None:
    report = step(PROGRAM.format(units=units, targets=targets, loss=repr(loss), activation=", activation='softplus'"))
    assert report.outcome is Outcome.STEPPED
    assert Symptom.LOSS_IGNORES_TARGETS not in report.symptoms
