"""Workflow commands that GitHub Actions turns into annotations on the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from regrad.repair.outcome import FileOutcome, Status
from regrad.report.formats import Presentation
from regrad.report.program import fault_in_file, in_file, notebook_of


def write(outcomes: Iterable[FileOutcome], stream: TextIO, presentation: Presentation) -> None:
    for outcome in outcomes:
        for line in _commands(outcome, presentation):
            stream.write(line + "\n")


def _commands(outcome: FileOutcome, presentation: Presentation) -> list[str]:
    if outcome.status in (Status.SYNTAX_ERROR, Status.UNREADABLE):
        fault = fault_in_file(outcome)
        where = [f"file={_property(outcome.path)}", *([f"line={fault.line}", f"col={fault.column}"] if fault else [])]
        where.append(f"title={_property('regrad: ' + outcome.status.value)}")
        return [f"::error {','.join(where)}::{_data(outcome.message or 'could not be read')}"]
    commands = []
    notebook = notebook_of(outcome)
    for each in outcome.findings:
        finding = each.finding
        span, message = in_file(finding.location.span, finding.message, notebook)
        level = "notice" if presentation.is_mended(each) else "error"
        place = [f"file={_property(finding.location.path or outcome.path)}", f"line={span.start.line}"]
        place.append(f"endLine={span.end.line}")
        if span.start.line == span.end.line:
            # GitHub ignores columns of an annotation that covers several lines.
            place += [f"col={span.start.column}", f"endColumn={max(span.end.column - 1, span.start.column)}"]
        place.append(f"title={_property(f'{finding.code} {finding.name}')}")
        commands.append(f"::{level} {','.join(place)}::{_data(message)}")
    return commands


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
