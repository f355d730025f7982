"""The change to one file as the lines of a diff, for reading; the patch that `git apply` takes is `repair.diff`'s."""

from __future__ import annotations

import difflib

from regrad.analysis.source import Unreadable, decode
from regrad.repair.outcome import FileOutcome


def diff_lines(outcome: FileOutcome) -> list[str]:
    before, after = outcome.before or b"", outcome.after or b""
    try:
        # A notebook is shown as its program: nobody reads a diff of JSON strings.
        old, new = decode(outcome.path, before).text, decode(outcome.path, after).text
    except Unreadable:
        old, new = before.decode("utf-8", "replace"), after.decode("utf-8", "replace")
    changes = difflib.unified_diff(old.splitlines(), new.splitlines(), outcome.path, outcome.path, lineterm="")
    return list(changes)
