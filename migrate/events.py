"""What a run tells while it is under way, for progress bars and logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from regrad.migrate.results import RepositoryResult


@dataclass(frozen=True, slots=True)
class Begun:
    """A repository's files are known: so many are to be read, of which some are known from an earlier run."""

    repository: str
    files: int
    known: int


@dataclass(frozen=True, slots=True)
class FilesRead:
    """So many more files were read."""

    repository: str
    files: int


@dataclass(frozen=True, slots=True)
class Mending:
    """So many programs are to be mended, of which some were in an earlier run."""

    repository: str
    programs: int
    known: int


@dataclass(frozen=True, slots=True)
class ProgramMended:
    """One more program was mended, or could not be."""

    repository: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A repository is done."""

    result: RepositoryResult
    again: bool = False
    """Nothing had to be done: it is as it was when an earlier run finished it."""


Event = Begun | FilesRead | Mending | ProgramMended | Ended
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """Nobody listens."""
