"""What one file gives by itself: its findings with their mendings, and the files that this answer rests on."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from regrad.analysis.location import Position
from regrad.analysis.program import Program
from regrad.analysis.source import SourceFile, SyntaxProblem, Unreadable, decode
from regrad.codemods.engine.rule import Withheld
from regrad.repair.detection import Detector, without_evidence
from regrad.repair.outcome import Fault, FindingOutcome, Status
from regrad.repair.relevance import may_train, worth_reading

if TYPE_CHECKING:
    from regrad.codemods.engine.rule import Finding
    from regrad.repair.suppression import Remark

SELDOM = (2_000_000, 20, 100)
"""When Python looks for circles in memory by itself. The usual numbers make it look through all that is known of a
program again and again, for a quarter of the whole time."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """While many files are read, circles in memory are looked for less often, and not in what was there before."""
    usual = gc.get_threshold()
    if usual[0] == 0:
        # Somebody has switched it off.
        yield
        return
    gc.set_threshold(*SELDOM)
    set_apart()
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def set_apart() -> None:
    """What there is now is passed over when circles are looked for.

    A tree is half of what is known of a program, and in no circle itself: it goes when nothing holds it any more.
    """
    if gc.isenabled() and gc.get_threshold()[0]:
        gc.freeze()


class ProgramReader(Protocol):
    def read(self, path: str) -> Program: ...


@dataclass(frozen=True)
class Surveyed:
    """The answer for one file, as a program of its own. It can be sent to another process and kept for another run."""

    path: str
    status: Status = Status.OK
    messages: tuple[str, ...] = ()
    findings: tuple[FindingOutcome, ...] = ()
    trains: bool = False
    files: tuple[str, ...] = ()
    """The files of the program, the entry among them."""
    absent: tuple[str, ...] = ()
    """Files that were looked for and are not there; were there one of them, the answer might be another."""
    remarks: tuple[Remark, ...] = ()
    """The comments in these files that silence findings."""
    lasting: bool = True
    """Whether it rests on nothing but the contents of these files."""
    fault: Fault | None = None
    """For a syntax error, where it is."""


def fault_of(problem: SyntaxProblem, content: bytes) -> Fault | None:
    """Where the program in these bytes stops being Python."""
    if problem.position is None:
        return None
    cell = decode(problem.path, content).cell_at(problem.position.line)
    if cell is None:
        return Fault(problem.position)
    return Fault(problem.position._replace(line=cell[1]), cell[0] + 1)


def passed_over(source: SourceFile) -> tuple[tuple[str, ...], Fault | None]:
    """What is said of cells of a notebook that are no Python while the others are, and where the first is."""
    told: list[str] = []
    first: Fault | None = None
    for cell in source.cells:
        if cell.fault is not None:
            where = f"cell {cell.index + 1}, line {cell.fault.line}"
            told.append(f"not valid Python at {where}: {cell.fault.message}; the cell was passed over")
            first = first or Fault(Position(cell.fault.line, cell.fault.column), cell.index + 1)
    return tuple(told), first


class Surveyor:
    """Reads one file after the other and lets the rules look at each."""

    def __init__(
        self, detector: Detector, content: Callable[[str], bytes], reader: Callable[[], ProgramReader]
    ) -> None:
        self._detector = detector
        self._content = content
        self._reader = reader()
        self.sources: dict[str, SourceFile] = {}
        """The sources of the programs in which something was found, as they were when it was found."""

    def survey(self, path: str, *, known: Callable[[Finding], bool] = lambda finding: False) -> Surveyed:
        """The answer for a file. What is `known` already is given without its mendings."""
        # Nearly all that the program before was known by is left over. While it still lies in the processor's cache a
        # look costs a quarter of what it costs after a hundred programs; what a tree set apart holds would never go.
        if gc.isenabled():
            gc.collect(0)
        try:
            content = self._content(path)
            if not worth_reading(path, content):
                return Surveyed(path, files=(path,), lasting=not may_train(content))
            program = self._reader.read(path)
        except SyntaxProblem as problem:
            fault = fault_of(problem, content)
            return Surveyed(path, Status.SYNTAX_ERROR, (problem.message,), files=(path,), fault=fault)
        except Unreadable as problem:
            return Surveyed(path, Status.UNREADABLE, (problem.message,), files=(path,), lasting=False)
        told, fault = passed_over(program.files[program.entry])
        detected = self._detector.detect(program)
        if detected.findings:
            for place, source in program.files.items():
                self.sources.setdefault(place, source)
        return Surveyed(
            path,
            messages=(*told, *detected.problems),
            findings=tuple(
                FindingOutcome(without_evidence(finding)) if known(finding) else self._with_mendings(program, finding)
                for finding in detected.findings
            ),
            trains=bool(detected.findings) and program.trains,
            files=(*program.files, *program.searched),
            absent=program.absent,
            remarks=detected.remarks,
            lasting=not detected.problems,
            fault=fault,
        )

    def _with_mendings(self, program: Program, finding: Finding) -> FindingOutcome:
        mendings = self._detector.mend(program, finding, to_write=False)
        outcome = FindingOutcome(without_evidence(finding))
        if isinstance(mendings, Withheld):
            return replace(outcome, withheld=mendings)
        return replace(outcome, mendings=tuple(mendings))
