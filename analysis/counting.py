"""What counts while a program runs: numbers and lists of which the reader sees the first value, and not how far they
get.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis.store import MISSING, Writes
from regrad.analysis.values import Collection, Constant, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter


def goes_on(interpreter: Interpreter, replaced: Writes) -> bool:
    """Forget the values that a pass through a loop counted up or down, which the next pass has otherwise; says whether
    there are any. `replaced` are the places that the pass wrote, with what they held before it.
    """
    found = False
    for fields, key, old in replaced.values():
        value = _further(interpreter, old, fields.get(key, MISSING))
        if value is not None:
            interpreter.store.put(fields, key, value)
            found = True
    return found


def _further(interpreter: Interpreter, old: object, new: object) -> Value | None:
    """What stands for a place in any later pass; None where the next pass finds in it what this one did."""
    if isinstance(old, Constant) and isinstance(new, Constant):
        computed = new.node is not None and not isinstance(new.node, ast.Constant)
        if computed and _is_number(old.value) and _is_number(new.value) and old.value != new.value:
            return interpreter.unknown("count")
    elif isinstance(old, Collection) and isinstance(new, Collection) and new.node is not None:
        # `rows = rows + [row]` is still the list that was written first.
        longer = new.node is old.node and len(new.items) > len(old.items)
        return Collection(new.kind, new.items, new.complete, new.node, grown=True) if longer and not new.grown else None
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def decides(value: Value) -> bool:
    """Whether a condition was computed, and came out as known: a count may be what it was computed from."""
    return isinstance(value, Constant) and value.node is not None and not isinstance(value.node, ast.Constant)


def grows(interpreter: Interpreter, owner: Collection) -> bool:
    """Whether a pass that stands for many puts something into a list: what is in it is known, how many there are is
    not.
    """
    if any(loop.repeated for loop in interpreter.loops):
        return True
    return any(loop.repeated and owner.fields.born <= loop.mark.birth for loop in interpreter.turning)
