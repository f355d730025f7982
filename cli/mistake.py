"""What a user can get wrong, said kindly: a sentence and the way out, never a traceback."""

from __future__ import annotations

from collections.abc import Iterable


class Mistake(Exception):
    """Ends the command with exit status 2. The message is a sentence; `hint` is what to try."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def did_you_mean(word: str, known: Iterable[str], limit: int = 3, cutoff: float = 0.6) -> str:
    """`Did you mean …?`, or nothing where no known word is near."""
    near = nearest(word, known, limit, cutoff)
    return f"Did you mean {' or '.join(near)}?" if near else ""


def nearest(word: str, known: Iterable[str], limit: int = 3, cutoff: float = 0.6) -> list[str]:
    from difflib import get_close_matches

    by_folded = {each.casefold(): each for each in known}
    return [by_folded[each] for each in get_close_matches(word.casefold(), by_folded, n=limit, cutoff=cutoff)]
