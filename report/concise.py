"""One line for each finding, `path:line:column: CODE message`: for editors, grep and people in a hurry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from regrad.analysis.source import SourceFile
from regrad.repair.leave import needs_unsafe, writable
from regrad.repair.outcome import Decision, FileOutcome, FindingOutcome, Status
from regrad.report.formats import Presentation
from regrad.report.program import fault_text, notebook_of, place_text


def write(outcomes: Iterable[FileOutcome], stream: TextIO, presentation: Presentation) -> None:
    for outcome in outcomes:
        for line in lines(outcome, preview=presentation.preview):
            stream.write(line + "\n")
        stream.flush()


def lines(outcome: FileOutcome, *, preview: bool = False) -> list[str]:
    if outcome.status in (Status.SYNTAX_ERROR, Status.UNREADABLE):
        where = fault_text(outcome) if outcome.fault else f"{outcome.path}:1:1"
        return [f"{where}: {outcome.status.value} {one_line(outcome.message or 'could not be read')}"]
    notebook = notebook_of(outcome)
    found = [_line(outcome.path, each, notebook, preview) for each in outcome.findings]
    if outcome.fault is not None:
        # One cell of a notebook that was passed over; the others were read.
        found.append(f"{fault_text(outcome)}: {Status.SYNTAX_ERROR.value} {one_line(outcome.message or '')}")
    return found


def _line(path: str, outcome: FindingOutcome, notebook: SourceFile | None, preview: bool) -> str:
    finding = outcome.finding
    where = place_text(finding.location.path or path, finding.location.span.start, notebook)
    return f"{where}: {finding.code} {one_line(finding.message)}{mark(outcome, preview)}"


def mark(outcome: FindingOutcome, preview: bool) -> str:
    """What became, would become or can become of a finding."""
    if outcome.decision is Decision.APPLIED:
        return " [would be mended]" if preview else " [mended]"
    if outcome.decision is Decision.WITHDRAWN:
        return " [fix withdrawn]"
    if needs_unsafe(outcome):
        return " [can be mended: --unsafe-fixes]"
    return " [can be mended]" if writable(outcome) else ""


def one_line(text: str) -> str:
    """A message must never break the one-line shape, whatever a rule or an exception puts into it."""
    return " ".join(text.split())
