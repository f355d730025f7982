"""What a command costs: the processor time and the memory of all its processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .machine import ROOT

# A small process starts the command: the peak of a process counts that of the one which started it.
_STARTER = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
status = subprocess.call(sys.argv[2:], stdin=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([used.ru_utime + used.ru_stime, time.perf_counter() - started, used.ru_maxrss, status], file)
"""
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Cost:
    """Of one run of a command with all processes that it waited for; `peak` is that of the largest, in bytes."""

    seconds: float
    wall: float
    peak: int
    status: int
    output: str = ""


class TooLong(Exception):
    """A command was not done within its limit."""


def cost(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    limit: float | None = None,
    accepted: Sequence[int] | None = None,
) -> Cost:
    """Runs a command. Statuses that are not `accepted` (if any are named) end the benchmark with what was printed."""
    with tempfile.TemporaryDirectory(prefix="regrad-bench-") as scratch:
        figures = Path(scratch, "figures")
        printed = Path(scratch, "printed")
        with printed.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _STARTER, str(figures), *map(str, command)],
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                cwd=folder,
                start_new_session=True,
            )
            try:
                process.wait(limit)
            except BaseException as problem:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if isinstance(problem, subprocess.TimeoutExpired):
                    raise TooLong from None
                raise
        output = printed.read_text(encoding="utf-8", errors="replace")
        if not figures.exists():
            raise SystemExit(f"{command[0]} could not be started:\n{output[-2000:]}")
        seconds, wall, peak, status = json.loads(figures.read_text(encoding="utf-8"))
        if accepted is not None and status not in accepted:
            raise SystemExit(f"{' '.join(map(str, command))} ended with status {status}:\n{output[-2000:]}")
        return Cost(seconds, wall, peak * _MAXRSS_UNIT, status, output)


def least(
    rounds: int,
    commands: Mapping[str, Sequence[str | Path]],
    environment: Mapping[str, str],
    accepted: Sequence[int] | None = None,
) -> dict[str, Cost]:
    """The cheapest of several rounds of each; the rounds alternate, so that all meet the same machine."""
    best: dict[str, Cost] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            found = cost(command, environment=environment, accepted=accepted)
            if name not in best or found.seconds < best[name].seconds:
                best[name] = found
    return best


@contextmanager
def as_installed(**more: str) -> Iterator[dict[str, str]]:
    """An environment in which modules are compiled once, as an installation compiles them, and nothing is cached."""
    with tempfile.TemporaryDirectory(prefix="regrad-bench-") as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "REGRAD_CACHE_DIR": "", **more}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        yield environment


def regrad(*arguments: str | Path) -> list[str | Path]:
    """The command line of regrad, run by this interpreter."""
    return [sys.executable, "-m", "regrad.cli", *arguments]


def warm_up(environment: Mapping[str, str]) -> None:
    """Compiles what a check uses."""
    cost(regrad("check", "--isolated", ROOT / "fixtures" / "tape_exhausted"), environment=environment)
