"""Writes the report of a migration: which format is drawn by what, and where it goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from regrad.cli.mistake import Mistake
from regrad.cli.parameters import ReportFormat

if TYPE_CHECKING:
    from regrad.analysis.location import Location
    from regrad.codemods.engine.rule import Mending
    from regrad.migrate.results import RepositoryResult, Results
    from regrad.repair.outcome import FileOutcome

_MODULES = {
    ReportFormat.HTML: "regrad.report.html",
    ReportFormat.JSONL: "regrad.report.json_lines",
    ReportFormat.CSV: "regrad.report.csv_table",
}
"""Each has `write(results, stream)`."""


def carry_out(place: Path, output_format: ReportFormat, output_file: Path | None) -> Path | None:
    """Writes the report; the file that it is in, or None for standard output."""
    from regrad.migrate.results import NoResults, read_results

    try:
        results = read_results(place)
    except NoResults as problem:
        raise Mistake(str(problem), "Make some with: regrad migrate TARGET") from None
    draw = _drawer(output_format)
    if output_file is None and output_format is ReportFormat.HTML:
        output_file = results.folder / "report.html"
    if output_file is None or str(output_file) == "-":
        draw(results, sys.stdout)
        return None
    temporary = output_file.with_name(f".{output_file.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", errors="replace", newline="") as stream:
            draw(results, stream)
        os.replace(temporary, output_file)
    except OSError as problem:
        raise Mistake(f"{output_file}: cannot be written ({problem.strerror}).") from None
    finally:
        temporary.unlink(missing_ok=True)
    return output_file


def format_of(path: Path) -> ReportFormat:
    """The format that the ending of a file asks for."""
    endings = {f".{each.value}": each for each in ReportFormat}
    found = endings.get(path.suffix.lower())
    if found is None:
        raise Mistake(f"--report {path}: the ending says how it is written; take one of {', '.join(endings)}.")
    return found


def _drawer(output_format: ReportFormat) -> Callable[[Results, TextIO], None]:
    if output_format is ReportFormat.SARIF:
        return _sarif
    module = import_module(_MODULES[output_format])
    draw: Callable[[Results, TextIO], None] = module.write
    return draw


def _sarif(results: Results, stream: TextIO) -> None:
    from regrad.report import sarif
    from regrad.report.formats import Presentation

    sarif.write(_outcomes(results), stream, Presentation(fixing=True))


def _outcomes(results: Results) -> Iterator[FileOutcome]:
    """The files of all repositories; where there are several, each path begins with its repository's name."""
    several = sum(1 for _ in results.repositories()) > 1
    for file in results.files():
        yield _below(file.repository, file.outcome) if several else file.outcome


def _below(folder: str, outcome: FileOutcome) -> FileOutcome:
    """The outcome as seen from the folder that holds the repository."""

    def moved(mending: Mending) -> Mending:
        edits = tuple(replace(edit, path=f"{folder}/{edit.path}") for edit in mending.edits)
        return replace(mending, edits=edits)

    def placed(location: Location) -> Location:
        return location._replace(path=f"{folder}/{location.path}")

    findings = []
    for each in outcome.findings:
        related = tuple(replace(other, location=placed(other.location)) for other in each.finding.related)
        finding = replace(each.finding, location=placed(each.finding.location), related=related)
        applied = None if each.applied is None else moved(each.applied)
        findings.append(replace(each, finding=finding, mendings=tuple(map(moved, each.mendings)), applied=applied))
    return replace(outcome, path=f"{folder}/{outcome.path}", findings=tuple(findings))


def not_analysed(folder: Path, result: RepositoryResult) -> list[str]:
    """The files of a repository that could not be analysed, each with the reason."""
    from regrad.migrate.results import read_results
    from regrad.repair.outcome import Status

    if not result.totals.not_analysed:
        return []
    wrong = (Status.SYNTAX_ERROR, Status.UNREADABLE)
    outcomes = (file.outcome for file in read_results(folder).files(result.name))
    return [f"{each.path}: {each.message or each.status.value}" for each in outcomes if each.status in wrong]
