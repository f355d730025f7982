"""The change to one file as the lines of a diff, for reading."""

from __future__ import annotations

import difflib

from regrad.analysis.source import SourceFile, Unreadable, decode
from regrad.repair.diff import patch
from regrad.repair.outcome import FileOutcome


def diff_lines(outcome: FileOutcome) -> list[str]:
    """The patch; of a notebook the diff of its program, since nobody reads a diff of JSON strings."""
    before, after = outcome.before or b"", outcome.after or b""
    encoding = "utf-8"
    try:
        old = decode(outcome.path, before)
        if old.notebook:
            return program_diff(old, decode(outcome.path, after), outcome.path, outcome.path)
        encoding = old.encoding
    except Unreadable:
        pass
    try:
        text = patch(outcome).decode(encoding, "replace")
    except ValueError:
        # A path that the system cannot even look up (it holds a NUL) has no patch.
        return []
    return [line.removesuffix("\r") for line in text.split("\n") if line]


def program_diff(before: SourceFile, after: SourceFile, old: str, new: str) -> list[str]:
    """The diff of two programs; of a notebook cell by cell, with the lines that its author wrote."""
    if not before.notebook:
        return list(difflib.unified_diff(before.text.splitlines(), after.text.splitlines(), old, new, lineterm=""))
    lines: list[str] = []
    for cell, mended in zip(before.cells, after.cells, strict=True):
        name = f", cell {cell.index + 1}"
        texts = cell.source.splitlines(), mended.source.splitlines()
        lines += difflib.unified_diff(*texts, old + name, new + name, lineterm="")
    return lines
