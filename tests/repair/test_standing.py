"""A finding that is gone while its operation stands as it did: it was not mended, and is not called so."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.cut import CutKind
from regrad.analysis.program import Program
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Rule, Safety, Withheld
from regrad.repair.options import Options
from regrad.repair.outcome import Decision, FindingOutcome
from regrad.repair.session import Session

TEXT = """import tensorflow as tf

weight = tf.Variable(2.0)
with tf.GradientTape() as tape:
    goal = weight.numpy()
    guess = weight.numpy()
    loss = (goal - guess) ** 2
tape.gradient(loss, weight)
"""


def _detect(program: Program) -> Iterator[Finding]:
    """Each `weight.numpy()`, as long as there are two."""
    calls = [
        call
        for path in program.trees
        for call in program.nodes_of(path, ast.Call)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "numpy"
    ]
    for call in calls if len(calls) > 1 else ():
        place = program.location(call, program.sinks[0].event.frame)
        yield Finding("T1", "left", "left", place, CutKind.LEFT_TENSORFLOW, evidence=call.lineno)


def _mended(safety: Safety | None) -> tuple[FindingOutcome, ...]:
    def mend(program: Program, finding: Finding) -> Mendings:
        if finding.evidence == 6:
            return (Mending("x", Safety.SAFE, (Edit("a.py", finding.location.span, "weight"),)),)
        if safety is None:
            return Withheld("it is a target")
        return (Mending("y", safety, (Edit("a.py", finding.location.span, "weight + 0"),)),)

    rule = Rule("T1", "left", "mixed", "", _detect, mend)
    with Session(Options(), contents={"a.py": TEXT.encode()}, rules=[rule]) as session:
        (outcome,) = session.fix([], write=False)
    assert outcome.after is not None and b"guess = weight\n" in outcome.after
    return outcome.findings


def test_what_still_takes_the_gradient_away_is_not_gone() -> None:
    first, second = _mended(Safety.UNSAFE)
    assert second.decision is Decision.APPLIED
    assert first.decision is Decision.WITHDRAWN
    assert first.reason == "left as it is: with the mending of T1 gradients come another way"


def test_what_was_withheld_stays_so() -> None:
    first, _ = _mended(None)
    assert first.decision is Decision.REPORTED
    assert first.withheld is not None
