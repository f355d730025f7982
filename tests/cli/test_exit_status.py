"""The exit statuses of DESIGN §4, each with what asks for it, and that the highest wins."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from regrad.analysis.location import Location, Position, Span
from regrad.cli.exit_status import ExitStatus, exit_status
from regrad.codemods.engine.rule import Finding
from regrad.repair.outcome import Decision, FileOutcome, FindingOutcome, Status
from regrad.verify.evidence import Evidence, Outcome, StepReport, Verdict

PLACE = Location("train.py", Span(Position(1, 1), Position(1, 2)))
FOUND = FindingOutcome(Finding("RG401", "forward-outside-tape", "message", PLACE))
STEP = StepReport(Outcome.STEPPED)


def file(*decisions: Decision, verdict: Verdict | None = None, **changes: Any) -> FileOutcome:
    findings = tuple(dataclasses.replace(FOUND, decision=decision) for decision in decisions)
    evidence = Evidence(verdict, None, STEP, STEP) if verdict else None
    outcome = FileOutcome("train.py", Status.OK, findings=findings, evidence=evidence)
    return dataclasses.replace(outcome, **changes)


CLEAN = file(before=b"", after=b"")
MENDED = file(Decision.APPLIED, before=b"1", after=b"2")
PROVED = file(Decision.APPLIED, verdict=Verdict.MENDED, before=b"1", after=b"2")
REPORTED = file(Decision.REPORTED)
UNREAD = file(status=Status.SYNTAX_ERROR)
WITHDRAWN = file(Decision.WITHDRAWN)


@pytest.mark.parametrize(
    ("outcomes", "options", "expected"),
    [
        ([], {}, ExitStatus.CLEAN),
        ([CLEAN], {}, ExitStatus.CLEAN),
        ([file(status=Status.SKIPPED)], {}, ExitStatus.CLEAN),
        ([MENDED], {}, ExitStatus.CLEAN),
        ([MENDED], {"preview": True}, ExitStatus.FINDINGS),
        ([CLEAN], {"preview": True}, ExitStatus.CLEAN),
        ([REPORTED], {}, ExitStatus.FINDINGS),
        ([file(Decision.NEEDS_UNSAFE)], {}, ExitStatus.FINDINGS),
        ([file(Decision.AMBIGUOUS)], {}, ExitStatus.FINDINGS),
        ([file(Decision.APPLIED, Decision.REPORTED)], {}, ExitStatus.FINDINGS),
        ([UNREAD], {}, ExitStatus.NOT_ANALYSED),
        ([file(status=Status.UNREADABLE)], {}, ExitStatus.NOT_ANALYSED),
        ([WITHDRAWN], {}, ExitStatus.WITHDRAWN),
        ([MENDED], {"require_verified": True}, ExitStatus.WITHDRAWN),
        ([PROVED], {"require_verified": True}, ExitStatus.CLEAN),
        ([PROVED, MENDED], {"require_verified": True}, ExitStatus.WITHDRAWN),
        ([CLEAN, REPORTED], {"require_verified": True}, ExitStatus.FINDINGS),
        ([REPORTED, UNREAD, CLEAN], {}, ExitStatus.NOT_ANALYSED),
        ([WITHDRAWN, UNREAD, REPORTED], {}, ExitStatus.WITHDRAWN),
    ],
)
def test_the_highest_status_that_applies(
    outcomes: list[FileOutcome], options: dict[str, bool], expected: ExitStatus
) -> None:
    assert exit_status(outcomes, **options) is expected


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.MENDED])
def test_only_the_verdict_mended_meets_require_verified(verdict: Verdict) -> None:
    outcome = file(Decision.APPLIED, verdict=verdict, before=b"1", after=b"2")
    assert exit_status([outcome], require_verified=True) is ExitStatus.WITHDRAWN


def test_the_numbers_are_the_contract() -> None:
    assert [int(status) for status in ExitStatus] == [0, 1, 2, 3, 4]
