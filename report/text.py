"""The report for people, file by file, and the closing line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from regrad.repair.outcome import FileOutcome, Status
from regrad.report.formats import Presentation
from regrad.report.summary import Summary, closing_parts

if TYPE_CHECKING:
    from rich.console import Console


def write(outcomes: Iterable[FileOutcome], stream: TextIO, presentation: Presentation) -> None:
    console: Console | None = None
    summary = Summary()
    for outcome in outcomes:
        summary = summary.plus(outcome)
        if presentation.verbosity > 0 or not _is_quiet(outcome):
            console = _draw(outcome, stream, presentation, console)
    silent = presentation.verbosity < 0 and not summary.findings and not summary.not_analysed
    if silent or not summary.files:
        return
    closing = closing_parts(summary, presentation)
    if console is None:
        # Nothing to show is the usual answer, and the one an editor waits for: it does without the drawing machinery.
        stream.write("; ".join(closing) + "\n")
        return
    from regrad.report.file_text import show_closing

    show_closing(console, closing)


def _is_quiet(outcome: FileOutcome) -> bool:
    """Whether there is nothing to draw for this file."""
    nothing = not outcome.findings and not outcome.changed and not outcome.message
    return outcome.status is Status.SKIPPED or (outcome.status is Status.OK and nothing)


def _draw(outcome: FileOutcome, stream: TextIO, presentation: Presentation, console: Console | None) -> Console:
    from regrad.report.console import make_console
    from regrad.report.file_text import file_report, show

    console = console or make_console(stream, presentation)
    for drawn in file_report(outcome, console, presentation):
        show(console, drawn)
    stream.flush()
    return console
