"""Which losses fit a head: by its activation, its targets, and by what the author watches."""

from __future__ import annotations

import pytest
from regrad.codemods import missing_loss
from regrad.codemods.engine.fitting import Fit, fitting
from regrad.codemods.engine.rule import Withheld

from .programs import found, read

_PROGRAM = """import tensorflow as tf
from data import x, y
model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense({units}, activation={activation!r})])
model.compile(optimizer="adam", metrics={metrics})
model.fit(x, y)
"""


def fits(units: int, activation: str | None, metrics: str) -> list[Fit]:
    program = read(_PROGRAM.format(units=units, activation=activation, metrics=metrics))
    (finding,) = missing_loss.RULE.detect(program)
    event = finding.evidence
    from regrad.codemods.engine.judged import targets_of

    return fitting(event.heads[0], targets_of(event.y), event.compilation.metrics)


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ("[tf.keras.metrics.SparseCategoricalAccuracy()]", [("sparse_categorical_crossentropy", True)]),
        ("['categorical_accuracy']", [("categorical_crossentropy", True)]),
        ("tf.keras.metrics.TopKCategoricalAccuracy(k=2)", [("categorical_crossentropy", True)]),
        # A distance is watched beside any loss.
        ("['mae']", [("mean_squared_error", False)]),
        ("['mae', 'sparse_categorical_accuracy']", [("sparse_categorical_crossentropy", True)]),
        ("None", [("mean_squared_error", False)]),
    ],
)
def test_what_is_watched_says_what_the_targets_are(metrics: str, expected: list[Fit]) -> None:
    assert fits(4, None, metrics) == expected


def test_an_accuracy_over_several_logits_is_one_over_classes_first() -> None:
    assert [name for name, _ in fits(4, None, "['accuracy']")] == [
        "sparse_categorical_crossentropy",
        "categorical_crossentropy",
        "mean_squared_error",
    ]


def test_an_accuracy_says_nothing_of_a_single_number() -> None:
    assert fits(1, None, "['accuracy']") == [("mean_squared_error", False)]


def test_probabilities_take_the_loss_of_the_metric_without_logits() -> None:
    assert fits(4, "softmax", "['sparse_categorical_accuracy']") == [("sparse_categorical_crossentropy", False)]


def test_several_losses_are_offered_in_that_order() -> None:
    text = _PROGRAM.format(units=4, activation=None, metrics="['accuracy']")
    program = read(text)
    (finding,) = found(missing_loss.RULE, text)
    offered = missing_loss.RULE.mend(program, next(iter(missing_loss.RULE.detect(program))))
    assert finding.code == "RG101" and not isinstance(offered, Withheld)
    assert len(offered) == 3 and "`sparse_categorical_crossentropy`" in offered[0].title
