"""Rows that the data make zero: reading is silent, the run shows where the slope is infinite, and that is mended."""

from __future__ import annotations

import pytest
from regrad.analysis.cut import Cut, CutKind
from regrad.analysis.location import Location, Position, Span
from regrad.analysis.reader import Reader
from regrad.analysis.source import decode
from regrad.codemods.engine.edits import apply_all
from regrad.codemods.engine.rule import Withheld
from regrad.codemods.engine.seen import Seen, findings, mend
from regrad.repair.seen_cuts import seen_in
from regrad.verify.evidence import Outcome, StepReport

PADDED = """
import numpy as np
import tensorflow as tf

tf.random.set_seed(0)
model = tf.keras.Sequential([tf.keras.Input((6,)), tf.keras.layers.Dense(4, use_bias=False)])
optimizer = tf.keras.optimizers.SGD(0.01)
x = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
x[28:] = 0

for epoch in range(3):
    with tf.GradientTape() as tape:
        length = LENGTH
        loss = tf.reduce_mean(tf.square(length - 1.0))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
FORMS = [
    (
        "tf.norm(model(x), axis=1)",
        "Sqrt",
        "tf.sqrt(tf.reduce_sum(tf.square(model(x)), axis=1) + 1e-12)",
    ),
    (
        "tf.math.reduce_euclidean_norm(model(x), 1)",
        "Sqrt",
        "tf.sqrt(tf.reduce_sum(tf.square(model(x)), axis=1) + 1e-12)",
    ),
    (
        "tf.math.reduce_std(model(x), axis=-1)",
        "Sqrt",
        "tf.sqrt(tf.math.reduce_variance(model(x), axis=-1) + 1e-12)",
    ),
    (
        "tf.reduce_sum(model(x) ** 2, axis=1) ** 0.5",
        "Pow",
        "(tf.reduce_sum(model(x) ** 2, axis=1) + 1e-12) ** 0.5",
    ),
    ("tf.math.log(abs(total))", "Log", "tf.math.log(abs(total) + 1e-7)"),
]


def seen_at(text: str, form: str, operation: str) -> Seen:
    line = text[: text.index(form)].count("\n") + 1
    column = len(text[: text.index(form)].rpartition("\n")[2]) + 1
    span = Span(Position(line, column), Position(line, column + len(form)))
    return Seen(Cut(CutKind.NON_FINITE, Location("train.py", span), operation, ("kernel",)), text)


@pytest.mark.parametrize(("form", "operation", "expected"), FORMS, ids=[form[:20] for form, _, _ in FORMS])
def test_the_form_is_kept_away_from_zero(form: str, operation: str, expected: str) -> None:
    text = PADDED.replace("LENGTH", form)
    program = Reader({"train.py": decode("train.py", text.encode())}.get).read("train.py")
    (finding,) = findings(program, (seen_at(text, form, operation),), {"RG701": "infinite-slope"})
    assert finding.shown_by_run and "NaN" in finding.message
    mendings = mend(program, finding)
    assert not isinstance(mendings, Withheld)
    assert apply_all(program.files, mendings[0].edits)["train.py"] == text.replace(form, expected)


@pytest.mark.parametrize("form", ["tf.norm(model(x), 1, axis=1)", "tf.norm(model(x), ord=order)", "lengths(model(x))"])
def test_what_is_not_a_euclidean_norm_is_left(form: str) -> None:
    text = PADDED.replace("LENGTH", form)
    program = Reader({"train.py": decode("train.py", text.encode())}.get).read("train.py")
    (finding,) = findings(program, (seen_at(text, form, "Sqrt"),), {"RG701": "infinite-slope"})
    assert isinstance(mend(program, finding), Withheld)


@pytest.mark.parametrize(
    ("data", "operation", "count"), [("real", "Sqrt", 1), ("synthetic", "Sqrt", 0), ("real", "RealDiv", 0)]
)
def test_only_slopes_of_real_data_are_taken(data: str, operation: str, count: int) -> None:
    text = PADDED.replace("LENGTH", FORMS[0][0])
    cut = seen_at(text, FORMS[0][0], operation).cut
    report = StepReport(outcome=Outcome.STEPPED, data=data, cuts=(cut,), variables=())
    assert len(seen_in(report, {"train.py": decode("train.py", text.encode())})) == count
