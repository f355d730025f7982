"""Outcomes to draw: one program mended and proved, one that could not be read, and their parts."""

from __future__ import annotations

import json
from dataclasses import replace

from regrad.analysis.cut import Cut, CutKind
from regrad.analysis.location import Location, Position, Span
from regrad.codemods.engine.rule import Edit, Finding, Mending, Related, Safety, Withheld
from regrad.repair.outcome import Decision, FileOutcome, FindingOutcome, Status
from regrad.verify.evidence import Evidence, Gradient, Outcome, StepReport, VariableReport, Verdict

BEFORE = """\
import tensorflow as tf

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
x = tf.ones((4, 3))
y = tf.ones((4, 1))
prediction = model(x)
with tf.GradientTape() as tape:
    loss = tf.reduce_mean((prediction - y) ** 2)
gradients = tape.gradient(loss, model.trainable_variables)
"""
AFTER = """\
import tensorflow as tf

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
x = tf.ones((4, 3))
y = tf.ones((4, 1))
with tf.GradientTape() as tape:
    prediction = model(x)
    loss = tf.reduce_mean((prediction - y) ** 2)
gradients = tape.gradient(loss, model.trainable_variables)
"""
PATH = "train.py"


def span(line: int, column: int, end_line: int, end_column: int) -> Span:
    return Span(Position(line, column), Position(end_line, end_column))


def location(line: int, column: int, end_column: int, path: str = PATH) -> Location:
    return Location(path, span(line, column, line, end_column))


FINDING = Finding(
    code="RG401",
    name="forward-outside-tape",
    message="The forward pass runs before the tape records, so no gradient reaches the model's variables.",
    location=location(6, 1, 22),
    cut=CutKind.BEFORE_TAPE,
    variables=("dense/kernel", "dense/bias"),
    related=(Related(location(7, 6, 31), "the tape records from here"),),
)
MENDING = Mending(
    title="Move the forward pass into the tape",
    safety=Safety.SAFE,
    edits=(
        Edit(PATH, span(6, 1, 7, 1), ""),
        Edit(PATH, span(8, 1, 8, 1), "    prediction = model(x)\n"),
    ),
)
UNSAFE = Mending(
    "Set trainable to True", Safety.UNSAFE, (Edit(PATH, span(6, 1, 6, 22), "pass"),), "the meaning changes"
)
WITHHELD = Withheld("the tensor is used elsewhere", "with tape:\n    prediction = model(x)")


def variable(name: str, gradient: Gradient, norm: float | None, *, changed: bool) -> VariableReport:
    return VariableReport(name, (3, 1), gradient, norm, changed, trainable=True)


STEP_BEFORE = StepReport(
    outcome=Outcome.RAISED,
    exception="ValueError: No gradients provided for any variable.",
    exception_line=10,
    loss=0.69,
    variables=(
        variable("dense/kernel", Gradient.NONE, None, changed=False),
        variable("dense/bias", Gradient.NONE, None, changed=False),
    ),
    cuts=(Cut(CutKind.BEFORE_TAPE, location(6, 14, 22), "MatMul", ("dense/kernel",)),),
    data="synthetic",
    supplied=("X_train: 8 x 10 float32",),
    tensorflow="2.21.0",
    keras="3.15.0",
)
STEP_AFTER = StepReport(
    outcome=Outcome.STEPPED,
    loss=0.69,
    variables=(
        variable("dense/kernel", Gradient.FLOWS, 1.25, changed=True),
        variable("dense/bias", Gradient.FLOWS, 0.5, changed=True),
    ),
    data="synthetic",
    supplied=("X_train: 8 x 10 float32",),
    tensorflow="2.21.0",
    keras="3.15.0",
)
EVIDENCE = Evidence(Verdict.MENDED, None, STEP_BEFORE, STEP_AFTER)

CHECKED = FileOutcome(
    PATH,
    Status.OK,
    findings=(FindingOutcome(FINDING, (MENDING,)),),
    before=BEFORE.encode(),
    after=BEFORE.encode(),
)
PROVED = FileOutcome(
    PATH,
    Status.OK,
    findings=(FindingOutcome(FINDING, (MENDING,), decision=Decision.APPLIED, applied=MENDING),),
    evidence=EVIDENCE,
    before=BEFORE.encode(),
    after=AFTER.encode(),
    written=True,
)
CLEAN = FileOutcome(PATH, Status.OK, before=AFTER.encode(), after=AFTER.encode())
BROKEN = FileOutcome(
    "broken.py", Status.SYNTAX_ERROR, "not valid Python at line 3: '(' was never closed", before=b"(", after=b"("
)
MISENCODED = FileOutcome("latin.py", Status.UNREADABLE, "not utf-8 at line 1 (byte 0xe9)")
SKIPPED = FileOutcome("other.py", Status.SKIPPED, "mentions neither TensorFlow nor Keras")


def with_finding(**changes: object) -> FileOutcome:
    """The checked program with another fate of its finding."""
    return replace(CHECKED, findings=(replace(CHECKED.findings[0], **changes),))  # type: ignore[arg-type]


def in_notebook() -> FileOutcome:
    """The finding in the second line of the second cell of a notebook."""
    source = ["import keras\n", "x = 1"]
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source},
    ]
    content = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    finding = replace(FINDING, location=location(3, 1, 6, "train.ipynb"), related=())
    return replace(with_finding(finding=finding), path="train.ipynb", before=content, after=content)
