"""`regrad fix -i`: shows what was found and proved in each file, asks about each hunk, and writes what was accepted."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace

from regrad.analysis.source import Unreadable, decode
from regrad.cli.bowler_review import bowler_review
from regrad.cli.review import Hunk, Review, assembled, hunks, review
from regrad.repair.outcome import Decision, FileOutcome, FindingOutcome
from regrad.repair.write import NotWritten, replace_file
from regrad.report.console import make_console, styled
from regrad.report.file_text import file_report, show, show_closing
from regrad.report.formats import Presentation
from regrad.report.summary import closing_parts, summarise
from rich.console import Console
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
                titles = [_title(outcome, hunk) for hunk in found]
                decided = bowler_review(outcome.path, found, titles) or _plain_review(console, outcome, found, titles)
            asking = asking and not decided.quit
            outcome = settled(outcome, found, decided)
        seen.append(outcome)
        yield outcome
    show_closing(console, closing_parts(summarise(seen), presentation))


def _plain_review(console: Console, outcome: FileOutcome, found: list[Hunk], titles: list[str]) -> Review:
    def show_hunk(number: int, hunk: Hunk) -> None:
        heading = f"{outcome.path}: change {number + 1} of {len(found)}: {titles[number]}"
        show(console, styled(heading, "bold"))
        for line in hunk.shown:
            text = line.decode("utf-8", "replace")
            show(console, _whole(styled(text, _STYLES.get(text[:1], ""))))

    return review(found, show_hunk, _ask, lambda words: show(console, Text(words)))


def _title(outcome: FileOutcome, hunk: Hunk) -> str:
    """The rules of the findings that meet in the hunk, how safe each mending is, and what the training step said."""
    applied = [each for each in outcome.findings if each.decision is Decision.APPLIED]
    near = [each for each in applied if _is_near(each, hunk)] or applied
    words = []
    for each in near:
        safety = each.applied.safety.value if each.applied else "goes with it"
        proof = each.evidence or outcome.evidence
        words.append(f"{each.finding.code} ({safety}, {proof.verdict.value if proof else 'not proved'})")
    return ", ".join(dict.fromkeys(words)) or "goes with another file's mending"


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
    near = [number for number, hunk in enumerate(found) if _is_near(outcome, hunk)]
    return bool(near) and decided.accepted.issuperset(near)


def _is_near(outcome: FindingOutcome, hunk: Hunk) -> bool:
    """Whether the hunk changes lines that the finding, or an edit of its mending, is about."""
    finding = outcome.finding.location
    edits = outcome.applied.edits if outcome.applied else ()
    spans = [finding.span, *(each.span for each in edits if each.path == finding.path)]
    return any(
        first <= span.end.line and span.start.line - 1 <= last for span in spans for first, last, _, _ in hunk.changes
    )


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
