"""Edits put into text: their order, their overlaps, and which mendings can be made in one round.

The rules, stated once. Edits are made in the order of their places; at one place insertions come first, in the order
given. Edits of one mending must not overlap. Of two mendings that claim the same characters, or insert at the same
point, the first in file order is made and the other waits for the next round, in which the file has been read again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from regrad.analysis.location import Span
from regrad.analysis.source import SourceFile
from regrad.codemods.engine.rule import Edit, Mending

_BARE_BREAK = re.compile(r"(?<!\r)\n")


class Overlap(ValueError):
    """Two edits of one mending claim the same characters."""


def apply(source: SourceFile, edits: Iterable[Edit]) -> str:
    """The text of `source` after the edits that are meant for it; raises `Overlap`."""
    own = sorted((edit for edit in edits if edit.path == source.path), key=lambda edit: edit.span)
    pieces: list[str] = []
    done = 0
    for edit in own:
        start, end = source.offset(edit.span.start), source.offset(edit.span.end)
        if start < done or end < start:
            raise Overlap(f"{source.path}: two edits meet at line {edit.span.start.line}")
        pieces.append(source.text[done:start])
        pieces.append(written(source, edit))
        done = end
    pieces.append(source.text[done:])
    return "".join(pieces)


def written(source: SourceFile, edit: Edit) -> str:
    """The text of the edit with the line breaks of the file."""
    return edit.text if source.newline == "\n" else _BARE_BREAK.sub(source.newline, edit.text)


def apply_all(files: Mapping[str, SourceFile], edits: Iterable[Edit]) -> dict[str, str]:
    """The new text of each file that the edits change; raises `Overlap`, and `KeyError` for an unknown file."""
    by_path: dict[str, list[Edit]] = {}
    for edit in edits:
        by_path.setdefault(edit.path, []).append(edit)
    texts = {path: apply(files[path], own) for path, own in by_path.items()}
    return {path: text for path, text in texts.items() if text != files[path].text}


def conflict(first: Iterable[Edit], second: Iterable[Edit]) -> bool:
    """Whether the two cannot be made in one round."""
    others = list(second)
    return any(
        one.path == other.path and (one.span.overlaps(other.span) or one.span == other.span)
        for one in first
        for other in others
    )


def first_place(mending: Mending) -> tuple[str, Span]:
    """Where a mending starts: the order of the mendings of one round."""
    return min((edit.path, edit.span) for edit in mending.edits)


def compatible(mendings: Sequence[Mending]) -> tuple[int, ...]:
    """The indices of the mendings that can be made together, chosen first come, first served."""
    chosen: list[int] = []
    taken: list[Edit] = []
    for index, mending in enumerate(mendings):
        if mending.edits and not conflict(taken, mending.edits):
            chosen.append(index)
            taken.extend(mending.edits)
    return tuple(chosen)
