"""The change to files as a patch that `git apply` and `patch -p1` take, byte for byte."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator

from regrad.repair.outcome import FileOutcome

_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}


def patch(outcome: FileOutcome, root: str | None = None) -> bytes:
    """The change to one file; empty where there is none. Paths are relative to `root`, or else the working folder."""
    if outcome.before is None or outcome.after is None:
        return b""
    return unified(outcome.path, outcome.before, outcome.after, root)


def unified(path: str, before: bytes, after: bytes, root: str | None = None) -> bytes:
    """A unified diff of two contents of one file."""
    if before == after:
        return b""
    # Latin-1 stands for bytes; only `\\n` ends a line of a patch.
    old, new = _lines(before.decode("latin-1")), _lines(after.decode("latin-1"))
    name = relative(path, root)
    hunks = difflib.unified_diff(old, new, n=3, lineterm="\n")
    next(hunks), next(hunks)
    head = f"--- {_quoted('a/' + name)}\n+++ {_quoted('b/' + name)}\n".encode("utf-8", "surrogateescape")
    return head + "".join(_closed(hunks)).encode("latin-1")


def relative(path: str, root: str | None = None) -> str:
    """The path as the patch names it: below `root`; a file elsewhere is named from the top of its own repository."""
    base = os.path.realpath(root or os.getcwd())
    real = os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path))
    if not real.startswith(base.rstrip(os.sep) + os.sep):
        base = os.path.dirname(real)
        while not os.path.exists(os.path.join(base, ".git")):
            parent = os.path.dirname(base)
            if parent == base:
                break
            base = parent
    return os.path.relpath(real, base).replace(os.sep, "/")


def _lines(text: str) -> list[str]:
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _closed(hunks: Iterator[str]) -> Iterator[str]:
    for line in hunks:
        yield line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def _quoted(name: str) -> str:
    """As git writes a name: in quotes where it has characters of its own, with a tab after one that has spaces."""
    raw = name.encode("utf-8", "surrogateescape")
    if any(byte < 32 or byte > 126 or byte in b'"\\' for byte in raw):
        escaped = "".join(_escaped(byte) for byte in raw)
        return f'"{escaped}"'
    return name + "\t" * (" " in name)


def _escaped(byte: int) -> str:
    if byte in _ESCAPES:
        return "\\" + _ESCAPES[byte]
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
