"""A bar on the terminal while files are read and training steps run; never in a pipe, and never for short work."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from regrad.repair.outcome import FileOutcome, Status

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 0.7
"""Seconds without a bar. What is done by then needs none."""


def with_progress(
    outcomes: Iterable[FileOutcome],
    doing: str,
    count: Callable[[], int],
    *,
    patience: float = PATIENCE,
    every_file_is_shown: bool = False,
) -> Iterator[FileOutcome]:
    """The outcomes as they come, and while they are waited for a bar; `count` tells how many there will be."""
    if not _can_be_redrawn():
        yield from outcomes
        return
    began = time.monotonic()
    waiting = iter(outcomes)
    done = 0
    total: int | None = None
    bar: Progress | None = None
    try:
        while True:
            if total is None and time.monotonic() - began >= patience:
                total = count()
                bar = _bar(doing, total) if done < total else None
            if bar is not None:
                bar.update(bar.task_ids[0], completed=done)
                bar.start()
            outcome = next(waiting, None)
            if outcome is None:
                return
            done += 1
            if bar is not None and (every_file_is_shown or _is_drawn(outcome)):
                # Stopped before the outcome is shown: two writers on one terminal would tear each other's lines.
                bar.stop()
            yield outcome
    finally:
        if bar is not None:
            bar.stop()


def _can_be_redrawn() -> bool:
    """Whether both streams are a terminal that can take back what was written; that of Emacs cannot."""
    return sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def _is_drawn(outcome: FileOutcome) -> bool:
    """Whether a report may say something about this file; most files of a project are silent."""
    return bool(outcome.findings or outcome.changed or outcome.message or outcome.status is not Status.OK)


def _bar(doing: str, total: int) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.add_task(doing, total=total)
    return bar
