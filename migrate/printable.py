"""A text that may hold anything, such as a file's name, made fit for one line of a message."""

from __future__ import annotations


def printable(text: str) -> str:
    """Escapes what cannot be printed: line breaks, marks of control and direction, broken encodings."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)
