"""What the repair of one program gives to the command line, the editors and the notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from regrad.analysis.location import Position
from regrad.codemods.engine.rule import Finding, Mending, Withheld

if TYPE_CHECKING:
    from regrad.verify.evidence import Evidence


class Status(Enum):
    """Whether a file could be read; the values are those of the JSON output."""

    OK = "ok"
    SYNTAX_ERROR = "syntax-error"
    UNREADABLE = "unreadable"
    SKIPPED = "skipped"


class Fault(NamedTuple):
    """Where a file stops being Python: the place in it, or in the cell of a notebook, counted from 1."""

    position: Position
    cell: int | None = None


class Decision(Enum):
    """What became of a finding's mending."""

    REPORTED = "reported"
    """Nothing was tried (`check`), or there is no mending."""
    APPLIED = "applied"
    NEEDS_UNSAFE = "needs-unsafe"
    """A mending exists and waits for `--unsafe-fixes`."""
    AMBIGUOUS = "ambiguous"
    """Several mendings are possible and none was proved: `--verify` decides."""
    WITHDRAWN = "withdrawn"
    """It was tried and the verifier did not confirm it."""


@dataclass(frozen=True, slots=True)
class FindingOutcome:
    """One finding and what became of it. `mendings` is empty when the mending was `withheld`."""

    finding: Finding
    mendings: tuple[Mending, ...] = ()
    withheld: Withheld | None = None
    decision: Decision = Decision.REPORTED
    reason: str | None = None
    applied: Mending | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """One file: as it was, as it would be, and why.

    `before` and `after` are the file's exact bytes; both are None where it was not read or nothing is said of it.
    """

    path: str
    status: Status
    message: str | None = None
    findings: tuple[FindingOutcome, ...] = ()
    evidence: Evidence | None = None
    before: bytes | None = None
    after: bytes | None = None
    written: bool = False
    fault: Fault | None = None
    """Where a syntax error is; with the status OK, that of a cell of a notebook which was passed over."""

    @property
    def changed(self) -> bool:
        return self.before != self.after
