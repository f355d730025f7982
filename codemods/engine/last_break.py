"""Files without a line break at their end: changed as if they had one, and left without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from regrad.analysis.source import SourceFile

Change = tuple[int, int, str]
"""The characters from one offset to another, and the text in their place."""


def with_last_break(source: SourceFile) -> SourceFile:
    """The file with a line break after its last line, so that this line is one like all others."""
    if not source.text or source.text.endswith(("\n", "\r")):
        return source
    return replace(source, text=source.text + source.newline)


def without_last_break(source: SourceFile, finished: SourceFile, changes: Sequence[Change]) -> list[Change]:
    """The changes of the `finished` file, in file order, as changes of `source`, which ends in no line break.

    What comes to stand last gives up its line break, as the last line had none.
    """
    size = len(source.text)
    beyond = [change for change in changes if change[1] > size]
    if finished is source or not beyond:
        return list(changes)
    kept = [change for change in changes if change[1] <= size]
    start, text, done = min(beyond[0][0], size), "", min(beyond[0][0], size)
    for first, last, new in beyond:
        # Between two changes at the end of the file there is nothing but its line break.
        text += ("\n" if done < first else "") + new
        done = last
    text += "\n" if done < len(finished.text) else ""
    while not text and kept and kept[-1][1] == start:
        start, _, text = kept.pop()
    if text:
        text = text.removesuffix("\n")
    elif source.text.endswith(("\n", "\r"), 0, start):
        start -= 2 if source.text.endswith("\r\n", 0, start) else 1
    return [*kept, (start, size, text)]
