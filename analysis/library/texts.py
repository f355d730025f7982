"""What methods of a text give where the text and their arguments are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrad.analysis.values import UNKNOWN, Collection, Constant, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call

_METHODS = frozenset(
    "lower upper title capitalize casefold strip lstrip rstrip startswith endswith replace removeprefix removesuffix"
    " split rsplit partition rpartition splitlines isdigit isalpha isupper islower count find index".split()
)
_LONGEST = 1000
"""Longer texts are data, and what `replace` makes of them may be longer still."""


def method(owner: Constant, name: str, call: Call) -> Value:
    """A text, a number, or a list of texts; unknown for any other method."""
    given = [value.value for value in call.positional if isinstance(value, Constant)]
    if name not in _METHODS or len(given) != len(call.all()):
        return UNKNOWN
    if any(isinstance(each, str) and len(each) > _LONGEST for each in (owner.value, *given)):
        return UNKNOWN
    try:
        result = getattr(owner.value, name)(*given)
    except (TypeError, ValueError, OverflowError):
        return UNKNOWN
    if isinstance(result, (list, tuple)):
        kind = "list" if isinstance(result, list) else "tuple"
        return Collection(kind, tuple(Constant(each, call.node) for each in result), True, call.node)
    return Constant(result, call.node)
