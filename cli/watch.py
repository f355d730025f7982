"""`regrad check --watch`: check again whenever a file changes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from regrad.cli.configuration import Configuration
from regrad.cli.exit_status import ExitStatus
from regrad.cli.job import STANDARD_INPUT, Job, carry_out
from regrad.cli.mistake import Mistake
from regrad.cli.settings import configuration_for, laid_over
from regrad.cli.work import options_of

PAUSE = 0.5
"""Seconds between two looks. Looking is a walk over the folders, far cheaper than checking."""

Snapshot = dict[str, tuple[int, int]]


def watch(job: Job, sleep: Callable[[float], None] = time.sleep) -> ExitStatus:
    """Checks until the user interrupts, and ends with the status of the last check."""
    if STANDARD_INPUT in job.paths:
        raise Mistake("--watch looks at files and does not go with standard input.")
    status = ExitStatus.CLEAN
    seen: Snapshot | None = None
    try:
        while True:
            now = _snapshot(job)
            if now != seen:
                if sys.stdout.isatty():
                    print("\x1b[2J\x1b[H", end="")
                status = carry_out(job)
                print("Waiting for a change; Ctrl-C ends.", file=sys.stderr)
                seen = now
            sleep(PAUSE)
    except KeyboardInterrupt:
        return status


def _snapshot(job: Job) -> Snapshot:
    """What is watched, with what changes when a file does; the configuration is watched as well."""
    from regrad.repair.targets import targets

    found: Snapshot = {}
    for path in job.paths:
        settings: Configuration = laid_over(job.request, configuration_for(Path(path), job.request))
        watched = [target.path for target in targets([path], options_of(job, settings))]
        for each in (*watched, *([str(settings.path)] if settings.path else [])):
            try:
                status = os.stat(each)
            except OSError:
                continue
            found[each] = (status.st_mtime_ns, status.st_size)
    return found
