"""The change to one file as the lines of a diff, for reading."""

from __future__ import annotations

import difflib

from regrad.analysis.source import Unreadable, decode
from regrad.repair.diff import patch
from regrad.repair.outcome import FileOutcome


def diff_lines(outcome: FileOutcome) -> list[str]:
    """The patch; of a notebook the diff of its program, since nobody reads a diff of JSON strings."""
    before, after = outcome.before or b"", outcome.after or b""
    encoding = "utf-8"
    try:
        old = decode(outcome.path, before)
        if old.notebook:
            texts = old.text.splitlines(), decode(outcome.path, after).text.splitlines()
            return list(difflib.unified_diff(*texts, outcome.path, outcome.path, lineterm=""))
        encoding = old.encoding
    except Unreadable:
        pass
    try:
        text = patch(outcome).decode(encoding, "replace")
    except ValueError:
        # A path that the system cannot even look up (it holds a NUL) has no patch.
        return []
    return [line.removesuffix("\r") for line in text.split("\n") if line]
