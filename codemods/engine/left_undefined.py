"""Names that a rewrite leaves without a meaning: taken out of the function that gave them one, or never imported."""

from __future__ import annotations

import builtins
import re
import symtable
from functools import lru_cache
from typing import NamedTuple

from regrad.analysis.source import SourceFile

_STAR = re.compile(r"\bimport\s*\(?\s*\*")
_ALWAYS = frozenset({*dir(builtins), "__file__", "__name__", "__doc__", "__spec__", "__path__", "__annotations__"})


def left_undefined(before: SourceFile, after: SourceFile) -> tuple[str, ...]:
    """The global names that `after` reads and nothing binds, and of which that was not so before: some function of
    `before` gave them a meaning, or they are said like a module (`losses.Huber`) that nothing imports.

    A name that means nothing in either is a snippet's: its import is missing, or its data.
    """
    earlier, later = _names(before.text), _names(after.text)
    if earlier is None or later is None:
        return ()
    return tuple(
        name
        for name in sorted(later.undefined - earlier.undefined)
        if name in earlier.local or re.search(rf"(?<![\w.]){re.escape(name)}\.", after.text)
    )


class _Names(NamedTuple):
    undefined: frozenset[str]
    local: frozenset[str]


@lru_cache(maxsize=4)
def _names(text: str) -> _Names | None:
    """None where it cannot be said: the text is no module, or takes everything from another one."""
    try:
        table = symtable.symtable(text, "<program>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if _STAR.search(text):
        return None
    read: set[str] = set()
    bound: set[str] = set()
    local: set[str] = set()
    waiting = [table]
    while waiting:
        current = waiting.pop()
        top = current is table
        for symbol in current.get_symbols():
            given = symbol.is_assigned() or symbol.is_imported() or symbol.is_parameter()
            if not top and not symbol.is_global():
                if given:
                    local.add(symbol.get_name())
                continue
            if given or (top and symbol.is_namespace()):
                bound.add(symbol.get_name())
            if symbol.is_referenced():
                read.add(symbol.get_name())
        waiting.extend(current.get_children())
    return _Names(frozenset(read - bound - _ALWAYS), frozenset(local))
