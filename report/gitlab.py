"""GitLab's code quality report: a JSON array that a merge request shows beside its changes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any, TextIO

from regrad.repair.outcome import FileOutcome, Status
from regrad.report.formats import Presentation
from regrad.report.program import fault_in_file, in_file, notebook_of


def write(outcomes: Iterable[FileOutcome], stream: TextIO, presentation: Presentation) -> None:
    json.dump(list(_issues(outcomes, presentation)), stream, indent=2, ensure_ascii=False)
    stream.write("\n")


def _issues(outcomes: Iterable[FileOutcome], presentation: Presentation) -> Iterator[dict[str, Any]]:
    seen: Counter[tuple[str, ...]] = Counter()
    for outcome in outcomes:
        if outcome.status in (Status.SYNTAX_ERROR, Status.UNREADABLE):
            message = outcome.message or "could not be read"
            fault = fault_in_file(outcome)
            line = fault.line if fault else 1
            yield _issue(outcome.path, outcome.status.value, message, "blocker", line, line, (outcome.path, message))
        notebook = notebook_of(outcome)
        for each in outcome.findings:
            finding = each.finding
            path = finding.location.path or outcome.path
            # The line is left out so that an unchanged finding keeps its fingerprint when lines above it move.
            key = (path, finding.code, finding.message)
            seen[key] += 1
            severity = "info" if presentation.is_mended(each) else "major"
            span, message = in_file(finding.location.span, finding.message, notebook)
            fingerprint = (*key, str(seen[key]))
            yield _issue(path, finding.code, message, severity, span.start.line, span.end.line, fingerprint)


def _issue(
    path: str, code: str, message: str, severity: str, begin: int, end: int, key: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "description": message,
        "check_name": code,
        "fingerprint": hashlib.sha256("\0".join(key).encode("utf-8", "surrogatepass")).hexdigest(),
        "severity": severity,
        "location": {"path": PurePath(path).as_posix(), "lines": {"begin": begin, "end": end}},
    }
