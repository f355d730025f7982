"""Nothing is called mended that is not: every rule's rewrite is spoiled here, and controls that must fail do fail."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from regrad.verify import Evidence, Job, Outcome, Verdict, Verifier

from .sabotage import SABOTAGES, Sabotage, sabotaged
from .spoiled_repair import ROOT, pairs, spoiled_repair
from .spoiled_table import table, with_table

BY_NAME = {sabotage.name: sabotage for sabotage in SABOTAGES}
SAMPLE = {
    "unchanged": "RG102",
    "stop-gradient": "RG402",
    "frozen": "RG102",
    "rate-zero": "RG102",
    "constant-loss": "RG108",
    "decoy": "RG401",
    "swallowed": "RG402",
    "left-early": "RG103",
    "ones-for-none": "RG402",
    "zeros-for-none": "RG402",
    "other-seed": "RG402",
}
"""A rule for each way to spoil a rewrite; bench/abuse/sabotage.py tries them all on all rules."""
SOUND = """
import tensorflow as tf
from tensorflow.keras import Input, Sequential, layers
model = Sequential([Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
optimizer = tf.keras.optimizers.Adam(0.01)
x = tf.random.normal((8, 3), seed=1)
y = tf.reduce_sum(x, axis=1, keepdims=True)
for step in range(3):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
DEAD = SOUND.replace("(model(x) - y)", "(tf.stop_gradient(model(x)) - y)")


def test_every_sabotage_can_be_done_to_many_rules() -> None:
    """What hits nothing proves nothing."""
    counted: Counter[str] = Counter()
    rules: set[str] = set()
    for broken, mended in pairs():
        texts = [case.place.read_bytes().decode("utf-8").replace("\r\n", "\n") for case in (broken, mended)]
        for sabotage in SABOTAGES:
            if sabotaged(broken.rule, sabotage, texts[0], texts[1]) is not None:
                counted[sabotage.name] += 1
                rules.add(broken.rule.code)
    assert set(counted) == set(BY_NAME) == set(SAMPLE)
    assert all(count >= 10 for count in counted.values()), counted
    assert rules == {broken.rule.code for broken, _ in pairs()}


def test_the_page_has_the_table_of_the_results() -> None:
    rows = json.loads((ROOT / "bench" / "abuse" / "sabotage.json").read_text())
    page = (ROOT / "docs" / "honesty.md").read_text()
    assert table(rows) in page
    assert with_table(page, rows) == page
    lies = [(row["rule"], row["sabotage"]) for row in rows if row["lie"]]
    assert not lies


@pytest.mark.tensorflow
@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda each: each.name)
def test_a_spoiled_rewrite_is_withdrawn(sabotage: Sabotage, verifier: Verifier, tmp_path: Path) -> None:
    code = SAMPLE[sabotage.name]
    found = None
    for broken, _ in pairs():
        if broken.rule.code == code:
            found = found or spoiled_repair(broken, sabotage, verifier, tmp_path)
    assert found is not None, "the sample names a rule that it can be done to"
    assert not found.lie and not found.kept, found
    assert found.promised_same or not sabotage.only_same_loss, "another loss shows only where the same was promised"


def compared(verifier: Verifier, folder: Path, before: str, after: str, *, same_loss: bool = False) -> Evidence:
    path = folder / "program.py"
    path.write_text(before)
    return verifier.compare(Job(str(path)), Job(str(path), {str(path.resolve()): after}), same_loss=same_loss)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (DEAD, SOUND, Verdict.MENDED),
        (DEAD, DEAD, Verdict.UNCHANGED),
        (SOUND, DEAD, Verdict.WORSE),
        (SOUND, SOUND, Verdict.WAS_NOT_BROKEN),
        (DEAD, "raise SystemExit\n", Verdict.WORSE),
        (DEAD, "import os\nos._exit(0)\n", Verdict.WORSE),
        ("raise SystemExit\n", SOUND, Verdict.NOT_VERIFIABLE),
    ],
    ids=["mended", "dead", "killed", "sound", "leaves", "dies", "nothing-before"],
)
def test_controls(verifier: Verifier, tmp_path: Path, before: str, after: str, verdict: Verdict) -> None:
    assert compared(verifier, tmp_path, before, after).verdict is verdict


@pytest.mark.tensorflow
def test_a_rewrite_that_computes_something_else_is_worse_where_the_same_was_promised(
    verifier: Verifier, tmp_path: Path
) -> None:
    other = SOUND.replace("** 2)", "** 2) * 3.0")
    evidence = compared(verifier, tmp_path, DEAD, other, same_loss=True)
    assert evidence.verdict is Verdict.WORSE and evidence.reason is not None and "same" in evidence.reason


@pytest.mark.tensorflow
def test_a_dead_verifier_proves_nothing(tmp_path: Path) -> None:
    with Verifier("/no/such/python") as lost:
        evidence = compared(lost, tmp_path, DEAD, SOUND)
    assert evidence.verdict is Verdict.NOT_VERIFIABLE and evidence.after.outcome is Outcome.UNAVAILABLE
