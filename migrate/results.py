"""What a migration yields: repositories, files, findings, mendings and proofs, and reading them back from its store.

A file's findings, mendings, diffs and evidence are those of `repair.outcome`; this adds where they belong and how they
were come by. Paths of files are relative to the top of their repository.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from regrad.migrate.codec import plain, restored
from regrad.repair.diff import unified
from regrad.repair.outcome import FileOutcome

FORMAT = 1
"""The version of the store; another one is not read."""
STORE = "results.sqlite"
"""The store's name in the folder of a run."""


class State(Enum):
    """How far a repository is, or how it ended."""

    WAITING = "waiting"
    READING = "reading"
    MENDING = "mending"
    DONE = "done"
    """Looked through; what was mended is on its branch and in its patch."""
    PLANNED = "planned"
    """Looked through for a plan; nothing was mended."""
    MOVED = "moved"
    """It is not what the plan was made for, so nothing was done."""
    FAILED = "failed"
    """It could not be fetched or read; `message` says why."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over files, or over findings."""

    files: int = 0
    """Python files and notebooks that were looked at."""
    skipped: int = 0
    """Files left alone: generated, vendored, too large, LFS pointers."""
    not_analysed: int = 0
    """Files that are not Python, or whose encoding is unknown."""
    findings: int = 0
    mended: int = 0
    verified: int = 0
    """Of these, the ones that a training step has proved."""
    withdrawn: int = 0
    fixable_unsafe: int = 0
    """Findings that wait for `--unsafe-fixes`."""
    changed: int = 0
    """Files that the branch or the patch changes."""

    def plus(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def times(self, number: int) -> Totals:
        return Totals(*(getattr(self, name) * number for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class RepositoryResult:
    """One repository, and what became of it as a whole."""

    name: str
    """Unique in the run, and fit to be a file's name."""
    source: str
    """The path or URL that it came from, as given."""
    state: State
    kind: str = "git"
    """`git`, or `folder` for a folder that is under no version control."""
    within: str = ""
    """The folder below its top that was looked at; empty for all of it."""
    revision: str | None = None
    """The full hash of the commit that was looked at."""
    branch: str | None = None
    """The branch that holds the mendings; None where nothing was mended."""
    commits: tuple[str, ...] = ()
    """The subject of each commit on it, in order."""
    patch: str | None = None
    """The patch file, relative to the folder of the run."""
    pull_request: str | None = None
    """The file with the text for a pull request, relative to the folder of the run."""
    message: str | None = None
    """Why it failed, or was not done."""
    notes: tuple[str, ...] = ()
    """What a reader should know: uncommitted work left alone, submodules not entered, links that leave the tree."""
    totals: Totals = Totals()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class FileResult:
    """One file in which something was found, or of which something must be said."""

    repository: str
    """The `name` of its repository."""
    outcome: FileOutcome
    """Findings with mendings, decisions, reasons and evidence; `before` and `after` are the exact bytes."""
    through: str | None = None
    """The program whose training step was run for it: `train.py --epochs 1`."""
    unverified: str | None = None
    """Why no training step says anything about it."""
    seconds: float = 0.0

    @property
    def path(self) -> str:
        return self.outcome.path

    @property
    def diff(self) -> str:
        """The change as a unified diff, for reading; bytes that are not UTF-8 are shown replaced."""
        before, after = self.outcome.before, self.outcome.after
        if before is None or after is None:
            return ""
        # Relative to itself: the file is not where the reader is.
        root = os.path.realpath(os.sep)
        return unified(os.path.join(root, self.path), before, after, root).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The run as a whole."""

    started: float = 0.0
    """Seconds since 1970."""
    version: str = ""
    """Of regrad."""
    settings: dict[str, str] = field(default_factory=dict)
    """What the user chose, in words: rules, unsafe fixes, verification."""


class NoResults(Exception):
    """The path holds no results that can be read; the message is a sentence."""


class Results:
    """Reads a store, one record at a time, so memory does not grow with it. A running migration is not disturbed."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = store_of(path)
        with closing(self._connection()) as connection:
            try:
                found = dict(connection.execute("SELECT key, value FROM run").fetchall())
            except sqlite3.DatabaseError as problem:
                raise NoResults(f"{self.path} holds no results of regrad migrate ({problem}).") from None
        if found.get("format") != str(FORMAT):
            raise NoResults(f"{self.path} was written by another version of regrad; run it again there.")
        self.run: RunInfo = restored(RunInfo, json.loads(found["info"]))

    @property
    def folder(self) -> Path:
        """Where the patches and the texts for pull requests are."""
        return self.path.parent

    def repositories(self) -> Iterator[RepositoryResult]:
        """In the order in which they were named."""
        with closing(self._connection()) as connection:
            for (record,) in connection.execute("SELECT record FROM repositories ORDER BY number"):
                yield restored(RepositoryResult, json.loads(record))

    def files(self, repository: str | None = None) -> Iterator[FileResult]:
        """The files with findings or messages, by repository and path. What is only clean is counted, not listed."""
        query = (
            "SELECT repositories.name, files.record, files.before, files.after FROM files"
            " JOIN repositories ON repositories.number = files.repository WHERE files.record IS NOT NULL"
        )
        order = " ORDER BY repositories.number, files.path"
        with closing(self._connection()) as connection:
            if repository is None:
                rows = connection.execute(query + order)
            else:
                rows = connection.execute(query + " AND repositories.name = ?" + order, (repository,))
            for name, record, before, after in rows:
                yield unpacked(name, record, before, after)

    def totals(self) -> Totals:
        total = Totals()
        for repository in self.repositories():
            total = total.plus(repository.totals)
        return total

    def _connection(self) -> sqlite3.Connection:
        try:
            return sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)
        except sqlite3.DatabaseError as problem:
            raise NoResults(f"{self.path} cannot be opened ({problem}).") from None


def read_results(path: str | os.PathLike[str]) -> Results:
    """The results of a run, from its folder or its store; raises `NoResults`."""
    return Results(path)


def store_of(path: str | os.PathLike[str]) -> Path:
    place = Path(path)
    store = place / STORE if place.is_dir() else place
    if not store.is_file():
        raise NoResults(f"{store}: there are no results of regrad migrate.")
    return store


def packed(result: FileResult) -> tuple[bytes, bytes | None, bytes | None]:
    """The record of a file as the store keeps it, with the contents apart; `after` only where it differs."""
    outcome = result.outcome
    bare = replace(result, outcome=replace(outcome, before=None, after=None))
    record = zlib.compress(json.dumps(plain(bare), separators=(",", ":")).encode("ascii"), 6)
    before = None if outcome.before is None else zlib.compress(outcome.before, 6)
    after = None if outcome.after is None or not outcome.changed else zlib.compress(outcome.after, 6)
    return record, before, after


def unpacked(repository: str, record: bytes, before: bytes | None, after: bytes | None) -> FileResult:
    """The file that `packed` made the parts of."""
    result = restored(FileResult, json.loads(zlib.decompress(record)))
    first = None if before is None else zlib.decompress(before)
    last = first if after is None else zlib.decompress(after)
    return replace(result, repository=repository, outcome=replace(result.outcome, before=first, after=last))
