"""UMLAUT's checks over many programs: each is run to its end, as the tool needs it."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..cases import Program, copied
from ..measuring import TooLong, cost
from ..running import script
from . import umlaut_watch


class Umlaut:
    """Needs an interpreter with TensorFlow, and the time of a whole run for each program."""

    name = "UMLAUT's checks"
    causes: Mapping[str, frozenset[str]] = {
        "no softmax before the loss": frozenset({"loss-head-mismatch", "singleton-softmax"}),
        "NaN loss": frozenset({"nan-log", "nan-sqrt", "nan-where"}),
    }

    def __init__(self, python: str = sys.executable, limit: float = 240.0) -> None:
        self._python = python
        self._limit = limit

    def reports(self, found: Sequence[Program]) -> list[frozenset[str]]:
        return [self._of(program) for program in found]

    def _of(self, program: Program) -> frozenset[str]:
        with tempfile.TemporaryDirectory(prefix="regrad-bench-") as folder:
            own = copied(program, Path(folder, "program"))
            report, entry = Path(folder, "report.json"), script(own)
            watch = Path(umlaut_watch.__file__)
            try:
                cost([self._python, watch, report, entry.name], folder=entry.parent, limit=self._limit)
            except TooLong:
                return frozenset()
            return frozenset(json.loads(report.read_text(encoding="utf-8"))) if report.exists() else frozenset()
