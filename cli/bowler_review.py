"""Bowler's hunk prompt over our own hunks: it shows and asks, and writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regrad.cli.review import Hunk, Review
from regrad.report.console import clean

if TYPE_CHECKING:
    from bowler.tool import BowlerTool


def bowler_review(path: str, found: Sequence[Hunk], titles: Sequence[str]) -> Review | None:
    """The user's answers; None where Bowler is not installed or does not start. `titles` stand above the hunks."""
    try:
        from bowler.types import BowlerQuit

        front = _front()
    except (ImportError, OSError):
        return None
    headings = [f"@@ change {number} of {len(found)}: {clean(title)} @@" for number, title in enumerate(titles, 1)]
    shown = [
        [f"--- {clean(path)}", f"+++ {clean(path)}", heading, *_lines(hunk)]
        for heading, hunk in zip(headings, found, strict=True)
    ]
    accepted: list[str] = []
    # It hands on what was accepted as the text of a patch, whose lines begin with a sign: ours alone begin with `@@`.
    front.apply_hunks = lambda text, filename: accepted.extend(text.split("\n"))
    try:
        front.process_hunks(path, shown)
    except BowlerQuit:
        return Review(_numbers(headings, accepted), quit=True)
    except EOFError:
        # Nobody is there to answer, and what was answered before is not handed on: the file stays as it is.
        return Review(frozenset(), quit=True)
    return Review(_numbers(headings, accepted))


def _front() -> BowlerTool:
    from bowler.tool import BowlerTool

    return BowlerTool([], interactive=True, write=False, silent=False, in_process=True)


def _lines(hunk: Hunk) -> list[str]:
    return [clean(line.decode("utf-8", "replace")) for line in hunk.shown]


def _numbers(headings: Sequence[str], accepted: Sequence[str]) -> frozenset[int]:
    chosen = set(accepted)
    return frozenset(number for number, heading in enumerate(headings) if heading in chosen)
