"""One process per core for a run over many files: answers in the order of the files, and a crash costs the file that
caused it.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from regrad.repair.outcome import Status
from regrad.repair.survey import SELDOM, Surveyed, Surveyor, set_apart

if TYPE_CHECKING:
    # Imported where they are needed: a check of one file starts without them.
    from concurrent.futures import Future, ProcessPoolExecutor

    from regrad.repair.options import Options

AT_ONCE = 8
"""Files that a worker is given at a time: few enough to share the work well, enough to make the way there cheap."""
WORTH_IT = 400_000
"""So many bytes to read are worth the start of workers; below that one process is done sooner."""

_OWN: list[Surveyor] = []
"""The surveyor of a worker process, made when the process starts."""


def available() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worth_it(paths: Sequence[str], workers: int) -> bool:
    """Whether several processes would be done sooner than one."""
    if workers < 2 or len(paths) < 2 * AT_ONCE:
        return False
    total = 0
    for path in paths:
        try:
            total += os.stat(path).st_size
        except OSError:
            continue
        if total >= WORTH_IT:
            return True
    return False


def surveyed(paths: Sequence[str], options: Options, workers: int) -> Iterator[Surveyed]:
    """The answers for the files, in their order."""
    from concurrent.futures.process import BrokenProcessPool

    waiting = deque(list(paths[start : start + AT_ONCE]) for start in range(0, len(paths), AT_ONCE))
    while waiting:
        with _executor(options, workers) as executor:
            running: deque[tuple[list[str], Future[list[Surveyed]]]] = deque()
            try:
                while waiting or running:
                    # No more than the workers need: what was answered and not yet taken would pile up.
                    while waiting and len(running) < 3 * workers:
                        running.append((waiting[0], executor.submit(_survey, waiting[0])))
                        waiting.popleft()
                    _, first = running[0]
                    answers = first.result()
                    running.popleft()
                    yield from answers
            except BrokenProcessPool:
                suspects = running.popleft()[0] if running else waiting.popleft()
                waiting.extendleft(reversed([paths for paths, _ in running]))
                running.clear()
            else:
                return
        yield from _one_by_one(suspects, options)


def _one_by_one(paths: list[str], options: Options) -> Iterator[Surveyed]:
    """Each file in a process of its own, to tell the one that breaks it from its neighbours."""
    from concurrent.futures.process import BrokenProcessPool

    for path in paths:
        with _executor(options, 1) as executor:
            try:
                yield from executor.submit(_survey, [path]).result()
            except BrokenProcessPool:
                message = "reading it ended the process that read it; please report this file"
                yield Surveyed(path, Status.UNREADABLE, (message,), files=(path,), lasting=False)


def _executor(options: Options, workers: int) -> ProcessPoolExecutor:
    import multiprocessing
    import threading
    from concurrent.futures import ProcessPoolExecutor

    # A fork shares what is loaded already; it is safe as long as there is no other thread.
    forks = sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if forks else "spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(options,))


def _start(options: Options) -> None:
    import gc

    from regrad.repair.session import surveyor

    gc.set_threshold(*SELDOM)
    set_apart()
    _OWN[:] = [surveyor(options)]


def _survey(paths: list[str]) -> list[Surveyed]:
    own = _OWN[0]
    answers = [own.survey(path) for path in paths]
    own.sources.clear()
    return answers
