"""The report of a migration as CSV: a row for each finding, and one for each file of which there is only a message."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

from regrad.migrate.results import FileResult, Results
from regrad.repair.outcome import FindingOutcome
from regrad.report.fate import fate_of
from regrad.report.program import notebook_of, place
from regrad.report.summary import proof_of
from regrad.verify.evidence import Gradient, StepReport

COLUMNS = (
    "repository",
    "path",
    "cell",
    "line",
    "column",
    "code",
    "name",
    "message",
    "fate",
    "mending",
    "safety",
    "reason",
    "verdict",
    "verified_through",
    "variables",
    "flowing_before",
    "flowing_after",
    "loss_before",
    "loss_after",
    "data",
    "status",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(results: Results, stream: TextIO) -> None:
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    for repository in results.repositories():
        for file in results.files(repository.name):
            table.writerows([_shown(row.get(name, "")) for name in COLUMNS] for row in _rows(file))


def _rows(file: FileResult) -> Iterator[dict[str, object]]:
    outcome = file.outcome
    here: dict[str, object] = {"repository": file.repository, "path": file.path, "status": outcome.status.value}
    if not outcome.findings:
        yield {**here, "message": outcome.message or ""}
    notebook = notebook_of(outcome)
    for each in outcome.findings:
        cell, start = place(each.finding.location.span.start, notebook)
        yield {
            **here,
            "cell": "" if cell is None else cell,
            "line": start.line,
            "column": start.column,
            "code": each.finding.code,
            "name": each.finding.name,
            "message": each.finding.message,
            "fate": fate_of(outcome, each).value,
            **_mending(file, each),
            **_proof(file, each),
        }


def _mending(file: FileResult, outcome: FindingOutcome) -> dict[str, object]:
    mending = outcome.applied or (outcome.mendings[0] if outcome.mendings else None)
    withheld = outcome.withheld.reason if outcome.withheld else None
    return {
        "mending": mending.title if mending else "",
        "safety": mending.safety.value if mending else "",
        "reason": outcome.reason or withheld or (file.unverified if outcome.applied else None) or "",
    }


def _proof(file: FileResult, outcome: FindingOutcome) -> dict[str, object]:
    evidence = proof_of(file.outcome, outcome)
    if evidence is None:
        return {}
    before, after = evidence.before, evidence.after
    return {
        "verdict": evidence.verdict.value,
        "verified_through": file.through or "",
        "variables": max(len(before.variables), len(after.variables)),
        "flowing_before": _flowing(before),
        "flowing_after": _flowing(after),
        "loss_before": "" if before.loss is None else before.loss,
        "loss_after": "" if after.loss is None else after.loss,
        "data": after.data or before.data or "",
    }


def _flowing(step: StepReport) -> int:
    return sum(each.gradient is Gradient.FLOWS for each in step.variables)


def _shown(value: object) -> object:
    """A text that a spreadsheet would compute is led by an apostrophe: file names come from strangers."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
