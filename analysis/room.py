"""Room for deep recursion: a thread with a large stack, for the rare program that nests deeper than Python's usual
limit.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

STACK = 256 << 20
DEPTH = 60_000
"""So deep that a chain of ten thousand operators is read; the stack, of which only what is used is ever taken, has room
for it.
"""


def with_room(work: Callable[[], T]) -> T:
    """What `work` returns or raises, computed where it may recurse deeply."""
    results: list[T] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as problem:
            problems.append(problem)

    limit, size = sys.getrecursionlimit(), threading.stack_size()
    try:
        threading.stack_size(STACK)
        thread = threading.Thread(target=run, name="regrad-deep")
        sys.setrecursionlimit(max(limit, DEPTH))
        thread.start()
        thread.join()
    except (RuntimeError, ValueError, MemoryError):
        # Where no such thread can be had, the usual limit decides.
        if not results and not problems:
            raise RecursionError("no room for deep recursion") from None
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    if problems:
        raise problems[0]
    return results[0]
