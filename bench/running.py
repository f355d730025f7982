"""One program run by itself, as its author runs it, and whether it complains about gradients."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .cases import Program, program_text
from .measuring import TooLong, cost

COMPLAINTS = (
    "No gradients provided",
    "Gradients do not exist",
    "any trainable weights",
    "softmax over axis",
    "Consider using 'binary_crossentropy'",
    "nan",
)
"""What TensorFlow and Keras print or raise where gradients are missing, and what a loss prints that is not a number."""


@dataclass(frozen=True)
class Ran:
    """`status` is None where the time was up."""

    status: int | None
    complaints: tuple[str, ...]
    seconds: float

    @property
    def sound(self) -> bool:
        return self.status == 0 and not self.complaints


def script(program: Program) -> Path:
    """What to give to Python; a notebook becomes a script beside it."""
    entry = program.entry
    if entry.suffix != ".ipynb":
        return entry
    made = entry.with_name("_notebook.py")
    made.write_text(program_text(entry), encoding="utf-8")
    return made


def run(python: str, program: Program, limit: float = 240.0) -> Ran:
    entry = script(program)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "default"}
    try:
        done = cost([python, entry.name], environment=environment, folder=entry.parent, limit=limit)
    except TooLong:
        return Ran(None, (), limit)
    finally:
        if entry != program.entry:
            entry.unlink()
    return Ran(done.status, tuple(each for each in COMPLAINTS if each in done.output), done.seconds)
