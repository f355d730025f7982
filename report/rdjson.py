"""reviewdog's diagnostic format (rdjson), with every mending of one edit as a suggestion."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TextIO

from regrad.analysis.location import Span
from regrad.analysis.source import SourceFile
from regrad.codemods.engine.rule import Safety
from regrad.repair.outcome import FileOutcome, FindingOutcome, Status
from regrad.report.formats import Presentation
from regrad.report.program import byte_range, fault_in_file, in_file, program_of


def write(outcomes: Iterable[FileOutcome], stream: TextIO, presentation: Presentation) -> None:
    document = {
        "source": {"name": "regrad"},
        "severity": "WARNING",
        "diagnostics": [diagnostic for outcome in outcomes for diagnostic in _diagnostics(outcome, presentation)],
    }
    json.dump(document, stream, indent=2, ensure_ascii=False)
    stream.write("\n")


def _diagnostics(outcome: FileOutcome, presentation: Presentation) -> list[dict[str, Any]]:
    if outcome.status in (Status.SYNTAX_ERROR, Status.UNREADABLE):
        return [
            {
                "message": outcome.message or "could not be read",
                "location": {"path": outcome.path, **_fault_range(outcome)},
                "severity": "ERROR",
                "code": {"value": outcome.status.value},
            }
        ]
    program = program_of(outcome)
    return [_diagnostic(outcome.path, program, each, presentation) for each in outcome.findings]


def _fault_range(outcome: FileOutcome) -> dict[str, Any]:
    fault = fault_in_file(outcome)
    return {} if fault is None else {"range": byte_range(Span(fault, fault), program_of(outcome))}


def _diagnostic(
    path: str, program: SourceFile | None, outcome: FindingOutcome, presentation: Presentation
) -> dict[str, Any]:
    finding = outcome.finding
    mended = presentation.is_mended(outcome)
    notebook = program if program is not None and program.notebook else None
    span, message = in_file(finding.location.span, finding.message, notebook)
    diagnostic: dict[str, Any] = {
        "message": message,
        "location": {"path": finding.location.path or path, "range": byte_range(span, program)},
        "severity": "INFO" if mended else "WARNING",
        "code": {"value": finding.code},
        "relatedLocations": [
            {
                "message": each_message,
                "location": {"path": each.location.path or path, "range": byte_range(each_span, program)},
            }
            for each in finding.related
            for each_span, each_message in [in_file(each.location.span, each.message, notebook)]
        ],
    }
    if not mended and notebook is None:
        diagnostic["suggestions"] = _suggestions(path, program, outcome)
    return diagnostic


def _suggestions(path: str, program: SourceFile | None, outcome: FindingOutcome) -> list[dict[str, Any]]:
    """A suggestion is one replacement in the diagnostic's own file; one edit of several would break the program."""
    suggestions = []
    for mending in outcome.mendings:
        if mending.safety is Safety.DISPLAY_ONLY or len(mending.edits) != 1:
            continue
        edit = mending.edits[0]
        if edit.path in ("", outcome.finding.location.path, path):
            suggestions.append({"range": byte_range(edit.span, program), "text": edit.text})
    return suggestions
