"""The shape of a rule: what it finds, the mendings it offers, and the promise that each mending makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from regrad.analysis.cut import CutKind
from regrad.analysis.location import Location, Span

if TYPE_CHECKING:
    from regrad.analysis.program import Program


class Safety(Enum):
    """What a mending promises, in ruff's words."""

    SAFE = "safe"
    """The program computes the same, gradients apart."""
    UNSAFE = "unsafe"
    """The meaning changes; taken with `--unsafe-fixes`."""
    DISPLAY_ONLY = "display-only"
    """Never written; says what the author should do."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` in the place of `span` in the file `path`. Its line breaks are `\\n`; the engine writes the file's."""

    path: str
    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Mending:
    """One way to mend a finding. All its edits are made, or none."""

    title: str
    safety: Safety
    edits: tuple[Edit, ...]
    reason: str = ""
    """Why this one is offered in this place of the order, or why it is unsafe."""
    keeps_loss: bool = True
    """Whether a safe mending leaves the loss value as it was; False where the loss itself is what was wrong."""
    seen_in_step: bool = True
    """Whether a training step of the broken program shows its disease; False where it trains soundly, on the wrong
    thing.
    """


@dataclass(frozen=True, slots=True)
class Withheld:
    """No mending is offered: why, and where possible the code that the author should write."""

    reason: str
    suggestion: str = ""


class NotAnalysable(Exception):
    """A rule cannot look at this file, whatever the others can; raised by `detect` after all that it did find."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that belongs to a finding."""

    location: Location
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One report of one rule. `evidence` is the rule's own: what `mend` needs of what `detect` saw."""

    code: str
    name: str
    message: str
    location: Location
    cut: CutKind | None = None
    variables: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
    evidence: Any = field(default=None, compare=False, repr=False)
    shown_by_run: bool = False
    """Whether a run of the program showed it, where reading did not find it."""


Mendings = Sequence[Mending] | Withheld


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as its file declares it, in a module-level `RULE`. The module's docstring is the rule's page.

    `detect` is pure and cheap; `mend` is called for findings only and may import libcst. `mend` returns the mendings in
    the order in which they should be tried, best first; a sequence of one is an unambiguous mending.
    """

    code: str
    name: str
    safety: str
    """One of `safe`, `unsafe`, `display-only`, `mixed`."""
    why: str
    """The reason for that safety, one sentence."""
    detect: Callable[[Program], Iterable[Finding]]
    mend: Callable[[Program, Finding], Mendings]
