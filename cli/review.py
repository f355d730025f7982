"""Interactive review: the change to one file hunk by hunk, with a prompt that knows y, n, a, d, q and ?."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

CONTEXT = 3
HELP = """\
y - make this change
n - leave it
a - make this change and all that follow in this file
d - leave this change and all that follow in this file
q - leave this change and stop asking; what was accepted is written
? - this help"""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Changes that stand near each other: replaced lines, and the lines shown around them."""

    changes: tuple[tuple[int, int, int, int], ...]
    """(first, last) of the old lines and (first, last) of the new ones, each from 0."""
    shown: tuple[bytes, ...]
    """The hunk as lines of a diff, with their signs and without line breaks."""


@dataclass(frozen=True, slots=True)
class Review:
    """What the user decided about one file."""

    accepted: frozenset[int]
    quit: bool = False


def hunks(before: bytes, after: bytes) -> list[Hunk]:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return [
        Hunk(
            tuple(
                (old_first, old_last, new_first, new_last)
                for tag, old_first, old_last, new_first, new_last in group
                if tag != "equal"
            ),
            tuple(_shown(group, old, new)),
        )
        for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT)
    ]


def assembled(before: bytes, after: bytes, found: Sequence[Hunk], accepted: Collection[int]) -> bytes:
    """The file with the accepted hunks; every other byte is the old one."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    pieces: list[bytes] = []
    done = 0
    for number, hunk in enumerate(found):
        if number not in accepted:
            continue
        for old_first, old_last, new_first, new_last in hunk.changes:
            pieces += old[done:old_first] + new[new_first:new_last]
            done = old_last
    return b"".join(pieces + old[done:])


def review(
    found: Sequence[Hunk], show: Callable[[int, Hunk], None], ask: Callable[[], str], say: Callable[[str], None]
) -> Review:
    """Asks about each hunk in turn. The end of the input means `q`."""
    accepted: set[int] = set()
    for number, hunk in enumerate(found):
        show(number, hunk)
        while (answer := _answer(ask)) not in ("y", "n", "a", "d", "q"):
            say(HELP)
        if answer in ("y", "a"):
            accepted.add(number)
        if answer == "a":
            accepted.update(range(number, len(found)))
        if answer in ("a", "d", "q"):
            return Review(frozenset(accepted), quit=answer == "q")
    return Review(frozenset(accepted))


def _answer(ask: Callable[[], str]) -> str:
    try:
        return ask().strip().lower()[:1]
    except EOFError:
        return "q"


def _shown(group: Sequence[tuple[str, int, int, int, int]], old: list[bytes], new: list[bytes]) -> list[bytes]:
    lines: list[bytes] = []
    for tag, old_first, old_last, new_first, new_last in group:
        if tag == "equal":
            lines += [b" " + line for line in old[old_first:old_last]]
            continue
        lines += [b"-" + line for line in old[old_first:old_last]]
        lines += [b"+" + line for line in new[new_first:new_last]]
    return [line.rstrip(b"\r\n") for line in lines]
