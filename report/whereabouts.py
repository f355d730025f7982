"""Lines that a run named, in words: of the program, of a cell where it is a notebook, of another file with its name."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from regrad.analysis.location import Position
from regrad.analysis.source import SourceFile
from regrad.repair.outcome import FileOutcome
from regrad.report.program import place, program_of
from regrad.verify.evidence import StepReport

RAISED = "the exception comes from here"
"""What the worker says of the lines of the program that an exception went through."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What a report is about, so that only lines of other files need a name."""

    path: str = ""
    notebook: SourceFile | None = None
    """The text that the lines are lines of, where they are told by cell."""

    @classmethod
    def of(cls, program: SourceFile) -> Whereabouts:
        return cls(program.path, program if program.notebook else None)

    def line(self, path: str, number: int) -> str:
        """`line 6`, `cell 4, line 2`, or `line 6 of pkg/model.py`."""
        if self._is_another(path):
            return f"line {number} of {_shown(path)}"
        cell, position = self.place(path, Position(number, 1))
        return f"line {position.line}" if cell is None else f"cell {cell}, line {position.line}"

    def place(self, path: str, position: Position) -> tuple[int | None, Position]:
        """The cell, counted from 1, and the position in it; no cell where the lines are those of a file."""
        return (None, position) if self._is_another(path) else place(position, self.notebook)

    def exception(self, step: StepReport) -> str | None:
        """Where the program raised."""
        return self.line(raised_in(step), step.exception_line) if step.exception_line else None

    def _is_another(self, path: str) -> bool:
        return bool(path and self.path) and os.path.realpath(path) != os.path.realpath(self.path)


NOWHERE = Whereabouts()


def whereabouts_of(outcome: FileOutcome) -> tuple[Whereabouts, Whereabouts]:
    """What the lines of the step before a mending are lines of, and those of the step after."""
    if not outcome.path.endswith(".ipynb"):
        return Whereabouts(outcome.path), Whereabouts(outcome.path)
    before, after = program_of(outcome), program_of(replace(outcome, before=outcome.after))
    return Whereabouts(outcome.path, before), Whereabouts(outcome.path, after)


def raised_in(step: StepReport) -> str:
    """The file in which the program raised; empty where it is not known."""
    raised = (each.path for each in step.places if each.line == step.exception_line and each.what == RAISED)
    return next(raised, "")


def _shown(path: str) -> str:
    near = os.path.relpath(path)
    return path if near.startswith(os.pardir) else near
