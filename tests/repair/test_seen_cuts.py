"""What reading cannot follow, a run shows: the cut that it names is mended and proved."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.analysis.cut import Cut, CutKind
from regrad.analysis.location import Location, Position, Span
from regrad.analysis.reader import Reader
from regrad.analysis.source import decode
from regrad.codemods.engine.edits import apply_all
from regrad.codemods.engine.rule import Withheld
from regrad.codemods.engine.seen import Seen, findings, mend
from regrad.repair.options import Options
from regrad.repair.outcome import Decision, FileOutcome
from regrad.repair.session import Session
from regrad.verify import StepReport, Verdict, Verifier
from regrad.verify.evidence import Evidence
from regrad.verify.job import Job

HEAD = """
import json
import numpy as np
import tensorflow as tf

settings = json.JSONDecoder().decode('{"name": "NAME"}')
model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.Adam(0.01)
x = tf.random.normal((32, 4), seed=1)
y = tf.reduce_sum(x, axis=1, keepdims=True)
"""
TAIL = """
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
BY_NAME = """
def post(value):
    return getattr(tf, settings["name"])(value)

for step in range(20):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(post(model(x)) - y))"""
REGISTRY = """
class Registry(dict):
    def __missing__(self, name):
        return globals()[name]

def error(truth, guess):
    return LOSS

registry = Registry()
for step in range(20):
    with tf.GradientTape() as tape:
        guess = model(x)
        loss = tf.convert_to_tensor(registry[settings["name"]](y, guess))"""
REPLACED = """
w = tf.Variable(tf.ones((4, 1)))
for step in range(20):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - 2.0 * y))
    slope = tape.gradient(loss, w)
    if hasattr(np, settings["name"]):
        w = w - 0.1 * slope
"""
PADDED = """
padded = x * tf.cast(tf.range(32) < 28, tf.float32)[:, None]
for step in range(20):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(tf.norm(model(padded), axis=1) - 1.0))"""
OF_KIND = """
w = VARIABLE
for step in range(20):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(tf.matmul(x, tf.cast(w, tf.float32)) - y))
    slope = tape.gradient(loss, w)
    w.assign_sub(tf.cast(0.1 * slope, w.dtype))
"""
WATCHED = """
import tensorflow as tf
def slopes(model, batch, other):
    with tf.GradientTape() as tape:
{inside}        loss = model(batch, other)
    return tape.gradient(loss, [other, batch])
"""


def program(name: str, body: str, tail: str = TAIL) -> str:
    return HEAD.replace("NAME", name) + body + tail


class Shared:
    """The verifier of the whole session, which a repair must not close."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self.ran: list[str] = []

    def __call__(self, options: Options) -> Shared:
        return self

    def compare(self, before: Job, after: Job, *, same_loss: bool) -> Evidence:
        return self.verifier.compare(before, after, same_loss=same_loss)

    def step(self, job: Job) -> StepReport:
        self.ran.append(job.path)
        return self.verifier.step(job)

    def close(self) -> None:
        return


def repaired(verifier: Verifier, path: Path, *, named: bool = True) -> tuple[FileOutcome, Shared]:
    options = Options(verify=True, unsafe_fixes=True, root=str(path.parent))
    shared = Shared(verifier)
    with Session(options, verifier=shared) as session:
        outcome = next(iter(session.fix([str(path if named else path.parent)], write=False)))
    return outcome, shared


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (program("round", BY_NAME), 'getattr(tf, settings["name"])(value)', "value"),
        (program("stop_gradient", BY_NAME), 'getattr(tf, settings["name"])(value)', "value"),
        (
            program("error", REGISTRY.replace("LOSS", "tf.reduce_mean(tf.square(tf.round(guess) - truth))")),
            "tf.round(guess)",
            "guess",
        ),
        (
            program("error", REGISTRY.replace("LOSS", "np.mean(np.square(guess - truth), axis=0)")),
            "np.mean(np.square(guess - truth), axis=0)",
            "tf.reduce_mean(tf.square(guess - truth), axis=0)",
        ),
        (
            program(
                "float32",
                OF_KIND.replace("VARIABLE", 'tf.Variable(tf.zeros((4, 1)), trainable=settings["name"] == "-")'),
                "",
            ),
            'trainable=settings["name"] == "-"',
            "trainable=True",
        ),
        (
            program(
                "int32",
                OF_KIND.replace("VARIABLE", 'tf.Variable(getattr(np, settings["name"])([[1], [2], [0], [1]]))'),
                "",
            ),
            "[1]]))",
            "[1]]), dtype=tf.float32)",
        ),
        (program("square", REPLACED, ""), "w = w - 0.1 * slope", "w.assign_sub(0.1 * slope)"),
        (
            program("sqrt", PADDED),
            "tf.norm(model(padded), axis=1)",
            "tf.sqrt(tf.reduce_sum(tf.square(model(padded)), axis=1) + 1e-12)",
        ),
    ],
    ids=[
        "rounded by name",
        "stopped by name",
        "rounded in a registry",
        "numpy in a registry",
        "not trainable",
        "whole numbers",
        "replaced",
        "zero rows of the data",
    ],
)
def test_what_a_run_found_is_mended_and_proved(
    verifier: Verifier, tmp_path: Path, text: str, old: str, new: str
) -> None:
    path = tmp_path / "train.py"
    path.write_text(text)
    outcome, _ = repaired(verifier, path)
    assert outcome.after is not None and outcome.after.decode() == text.replace(old, new)
    applied = [each for each in outcome.findings if each.decision is Decision.APPLIED]
    assert len(applied) == 1 and applied[0].finding.message.endswith("a run showed it")
    assert outcome.evidence is not None and outcome.evidence.verdict is Verdict.MENDED


@pytest.mark.tensorflow
def test_what_has_no_mending_is_reported_with_its_line(verifier: Verifier, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(
        program("error", REGISTRY.replace("LOSS", "tf.cast(tf.reduce_sum(tf.argsort(guess, axis=0)), tf.float32)"))
    )
    outcome, _ = repaired(verifier, path)
    assert not outcome.changed and [each.decision for each in outcome.findings] == [Decision.REPORTED]
    assert outcome.findings[0].withheld is not None
    line = path.read_text().splitlines()[outcome.findings[0].finding.location.span.start.line - 1]
    assert "tf.argsort" in line


@pytest.mark.tensorflow
def test_a_comment_silences_what_a_run_found_and_folders_are_not_run(verifier: Verifier, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(program("round", BY_NAME).replace("(value)\n\nfor", "(value)  # regrad: ignore[RG501]\n\nfor"))
    outcome, shared = repaired(verifier, path)
    assert shared.ran == [str(path)] and not outcome.findings
    outcome, shared = repaired(verifier, path, named=False)
    assert shared.ran == [] and not outcome.findings


@pytest.mark.parametrize(("inside", "mended"), [("", True), ("        batch = batch * 2.0\n", False)])
def test_a_tensor_that_a_run_saw_unwatched_is_watched_first(inside: str, mended: bool) -> None:
    text = WATCHED.format(inside=inside)
    source = decode("lesson.py", text.encode())
    program = Reader({"lesson.py": source}.get).read("lesson.py")
    ends = text[: text.index("return")].count("\n") + 1
    place = Location("lesson.py", Span(Position(3, 1), Position(3, 2)))
    cut = Cut(CutKind.NOT_WATCHED, place, "Mul", (f"source 1 (line {ends})",))
    found = list(findings(program, (Seen(cut, text, 4, ends),), {"RG403": "source-not-watched"}))
    assert [finding.message.split("[")[0] for finding in found] == ["`batch` is a tensor that no tape watches "]
    offered = mend(program, found[0])
    if mended:
        assert not isinstance(offered, Withheld)
        watched = "as tape:\n        tape.watch(batch)\n"
        assert apply_all(program.files, offered[0].edits)["lesson.py"] == text.replace("as tape:\n", watched)
    else:
        assert isinstance(offered, Withheld) and offered.suggestion == "tape.watch(batch)"
