"""Values that lead to others, each visited once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from regrad.analysis.values import Value


def each_once(roots: Iterable[Value], parts: Callable[[Value], Iterable[Value]]) -> Iterator[Value]:
    """The roots and all that `parts` leads to from them, the last found first."""
    seen: dict[int, Value] = {}
    stack = list(roots)
    while stack:
        value = stack.pop()
        if id(value) not in seen:
            seen[id(value)] = value
            yield value
            stack.extend(parts(value))
