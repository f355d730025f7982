"""Whether a finding waits for the leave to make unsafe mendings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from regrad.migrate.packing import counted
from regrad.repair import session
from regrad.repair.leave import is_fixable, needs_unsafe
from regrad.repair.options import Options
from regrad.repair.outcome import Decision, FileOutcome

QUICKSTART = Path(__file__).resolve().parents[2] / "fixtures" / "quickstart"


def outcome_of(name: str) -> FileOutcome:
    (outcome,) = session.check([str(QUICKSTART / name)], Options(jobs=1))
    return outcome


def decided(outcome: FileOutcome, decision: Decision) -> FileOutcome:
    return replace(outcome, findings=tuple(replace(each, decision=decision) for each in outcome.findings))


@pytest.mark.parametrize(
    ("decision", "waits"),
    [
        (Decision.REPORTED, True),
        (Decision.NEEDS_UNSAFE, True),
        (Decision.WITHDRAWN, False),
        (Decision.AMBIGUOUS, False),
        (Decision.APPLIED, False),
    ],
)
def test_what_was_tried_waits_for_nothing(decision: Decision, waits: bool) -> None:
    outcome = decided(outcome_of("frozen_classifier.py"), decision)
    assert [needs_unsafe(each) for each in outcome.findings] == [waits]
    assert counted(outcome, unsafe=False).fixable_unsafe == waits
    assert counted(outcome, unsafe=True).fixable_unsafe == 0


def test_a_safe_mending_needs_no_leave() -> None:
    (finding,) = outcome_of("linear_regression_forward_outside.py").findings
    assert is_fixable(finding) and not needs_unsafe(finding)
