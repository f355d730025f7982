"""`regrad fix -i`: shows what was found and proved in each file, asks about each hunk, and writes what was accepted."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace

from regrad.analysis.source import Unreadable, decode
from regrad.cli.review import Hunk, Review, assembled, hunks, review
from regrad.repair.outcome import Decision, FileOutcome, FindingOutcome
from regrad.repair.write import NotWritten, replace_file
from regrad.report.console import make_console, styled
from regrad.report.file_text import file_report, show
from regrad.report.formats import Presentation
from regrad.report.summary import closing_line, summarise
from rich.text import Text

_STYLES = {"+": "green", "-": "red"}


def interact(outcomes: Iterable[FileOutcome], presentation: Presentation) -> Iterator[FileOutcome]:
    """The outcomes as the user's answers made them. Nothing was written before."""
    console = make_console(sys.stdout, presentation)
    seen: list[FileOutcome] = []
    asking = True
    for outcome in outcomes:
        for drawn in file_report(outcome, console, presentation):
            show(console, drawn)
        if outcome.changed and outcome.before is not None and outcome.after is not None:
            found = hunks(outcome.before, outcome.after)
            decided = Review(frozenset(), quit=True)
            if asking:

                def show_hunk(number: int, hunk: Hunk, path: str = outcome.path, total: int = len(found)) -> None:
                    show(console, styled(f"{path}: change {number + 1} of {total}", "bold"))
                    for line in hunk.shown:
                        text = line.decode("utf-8", "replace")
                        show(console, _whole(styled(text, _STYLES.get(text[:1], ""))))

                decided = review(found, show_hunk, _ask, lambda words: show(console, Text(words)))
            asking = asking and not decided.quit
            outcome = settled(outcome, found, decided)
        seen.append(outcome)
        yield outcome
    show(
        console, styled(closing_line(summarise(seen), fixing=True, preview=False, targets=presentation.targets), "bold")
    )


def settled(outcome: FileOutcome, found: list[Hunk], decided: Review) -> FileOutcome:
    """The file with the accepted hunks, written; or, where that cannot be done, as it was, with the reason."""
    before, after = outcome.before or b"", outcome.after or b""
    if not decided.accepted:
        return replace(outcome, after=outcome.before, findings=tuple(map(_left, outcome.findings)), evidence=None)
    result = assembled(before, after, found, decided.accepted)
    whole = len(decided.accepted) == len(found)
    if not whole and not _is_program(outcome.path, result):
        print(f"{outcome.path}: with these changes alone it is no longer Python; nothing was written.", file=sys.stderr)
        return replace(outcome, after=outcome.before, findings=tuple(map(_left, outcome.findings)), evidence=None)
    try:
        replace_file(outcome.path, before, result)
    except NotWritten as problem:
        print(f"{problem}; nothing was written.", file=sys.stderr)
        return replace(outcome, after=outcome.before, findings=tuple(map(_left, outcome.findings)), evidence=None)
    if whole:
        return replace(outcome, written=True)
    # The proof was of all changes together and says nothing about some of them.
    kept = tuple(each if _lies_in(each, found, decided) else _left(each) for each in outcome.findings)
    return replace(outcome, after=result, written=True, findings=kept, evidence=None)


def _left(outcome: FindingOutcome) -> FindingOutcome:
    if outcome.decision is not Decision.APPLIED:
        return outcome
    return replace(outcome, decision=Decision.REPORTED, applied=None, evidence=None)


def _lies_in(outcome: FindingOutcome, found: list[Hunk], decided: Review) -> bool:
    """Whether every hunk at the finding's lines was accepted."""
    span = outcome.finding.location.span
    near = [
        number
        for number, hunk in enumerate(found)
        for first, last, _, _ in hunk.changes
        if first <= span.end.line and span.start.line - 1 <= last
    ]
    return bool(near) and decided.accepted.issuperset(near)


def _is_program(path: str, content: bytes) -> bool:
    try:
        ast.parse(decode(path, content).text)
    except (Unreadable, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _ask() -> str:
    return input("Make this change? [y,n,a,d,q,?] ")


def _whole(text: Text) -> Text:
    text.no_wrap = True
    return text
