"""A run in a process of its own, for the tests that kill it: `python interrupted_run.py OUTPUT SCRATCH TARGET…`."""

from __future__ import annotations

import sys
from pathlib import Path

from regrad.migrate.engine import Processes
from regrad.migrate.request import Request, Settings
from regrad.migrate.run import migrate
from regrad.migrate.targets import sources
from regrad.repair.options import Options


def settings(top: str, start: str) -> Settings:
    return Settings(Options(root=top, jobs=1))


if __name__ == "__main__":
    output, scratch, *targets = sys.argv[1:]
    with Processes(2) as engine:
        for result in migrate(
            Request(sources(targets), Path(output), settings, scratch=Path(scratch)), executor=engine
        ):
            print(result.name, result.state.value)
