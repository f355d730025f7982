"""What a worker does, wherever it is: reads files, and mends one program. Everything in and out can be pickled.

A worker may be a process here or on another machine that sees the same scratch folder. Nothing is written but the small
drivers of `entries` (into the scratch folder, never into a user's).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from regrad.migrate.codec import plain
from regrad.migrate.packing import PackedFile, packed_file, relative
from regrad.repair.options import Options
from regrad.repair.outcome import FileOutcome, Status
from regrad.repair.survey import Surveyed

if TYPE_CHECKING:
    from regrad.migrate.commits import Step
    from regrad.migrate.entries import Entry
    from regrad.repair.plan import Key
    from regrad.repair.session import Comparer
    from regrad.repair.survey import Surveyor
    from regrad.verify.evidence import Evidence
    from regrad.verify.job import Job

READING_LIMIT = 300.0
"""Seconds for the reading of one file; a file of 10,000 lines takes about one."""


class Unseen(Exception):
    """The worker does not see the scratch folder."""


class TooLong(BaseException):
    """Reading took longer than its limit. Not an `Exception`, so that nothing on the way swallows it."""


@dataclass(frozen=True, slots=True)
class Read:
    """What one file gave by itself. Paths are relative to the work tree."""

    path: str
    status: Status
    message: str | None
    findings: int
    trains: bool
    files: tuple[str, ...]
    """The files of its program."""
    record: str | None
    """The `Surveyed` as JSON, where there are findings."""
    seconds: float


@dataclass(frozen=True)
class Work:
    """One program to be mended: files that belong together, and how it may be run."""

    repository: str
    folder: str
    key: str
    """The program's name in the store."""
    paths: tuple[str, ...]
    """The files whose findings are mended, and the entries through which they were found."""
    entries: tuple[str, ...]
    """What to run where none of `paths` trains: configured entry points, then scripts and tests that reach them."""
    configured: bool
    """Whether the first of `entries` was configured, and so is taken whatever else there is."""
    untouchable: frozenset[str]
    """Files that are never written: generated and vendored ones."""
    left: frozenset[tuple[str, int, int, str]]
    """Findings that the plan leaves out: path, line, column, code."""
    options: Options
    drivers: bool = True
    """Whether the folder is ours, so that a driver for tests and modules may be put there."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of one program."""

    key: str
    files: tuple[PackedFile, ...]
    steps: tuple[Step, ...]
    seconds: float


def read_files(folder: str, paths: Sequence[str], options: Options) -> list[Read]:
    """Reads each file as a program of its own; imports and runs nothing of it."""
    from regrad.repair.survey import seldom_collected

    _require_seen(folder)
    surveyor = _surveyor(folder, options)
    with seldom_collected():
        answers = [_read_file(surveyor, folder, path) for path in paths]
    surveyor.sources.clear()
    return answers


def _read_file(surveyor: Surveyor, folder: str, path: str) -> Read:
    started = time.perf_counter()
    place = os.path.join(folder, path)
    try:
        with _limited(READING_LIMIT):
            surveyed = surveyor.survey(place)
    except TooLong:
        _SURVEYORS.clear()
        message = f"reading it took longer than {READING_LIMIT:.0f} s; please report this file"
        surveyed = Surveyed(place, Status.UNREADABLE, (message,), files=(place,))
    except Exception as problem:
        # One file's trouble must not cost its neighbours; it is told, never hidden.
        message = f"regrad failed to read it ({type(problem).__name__}: {problem}); please report this file"
        surveyed = Surveyed(place, Status.UNREADABLE, (message,), files=(place,))
    own = replace(surveyed, absent=(), remarks=())
    inside = relative(folder)
    record = json.dumps(plain(own, inside), separators=(",", ":")) if own.findings else None
    return Read(
        path,
        own.status,
        inside("; ".join(own.messages)) or None,
        len(own.findings),
        own.trains,
        tuple(inside(each) for each in own.files),
        record,
        time.perf_counter() - started,
    )


def mend_program(work: Work) -> Mended:
    """Mends one program, verified as far as it can be; writes none of its files."""
    from regrad.migrate import commits, entries

    _require_seen(work.folder)
    started = time.perf_counter()
    first: list[FileOutcome] | None = None
    words: Callable[[FileOutcome], str | None] = lambda outcome: None  # noqa: E731
    for entry in islice(entries.in_order(work), entries.MOST_RUN):
        outcomes, witness = _mended(work, entry)
        settled = entries.settles(entry, work, outcomes)
        # What only found programs had no answer to is told as the program itself would have it.
        if settled or (first is None and (entry is None or work.configured)):
            first = outcomes
            words = partial(_words, entry, witness)
        if settled:
            break
    if first is None:
        first, _ = _mended(replace(work, entries=()), None)
    seconds = time.perf_counter() - started
    steps = commits.steps(first, work.folder)
    share = seconds / max(len(first), 1)
    results = [entries.result(outcome, work, words(outcome), share) for outcome in first]
    return Mended(
        work.key, tuple(packed_file(result, unsafe=work.options.unsafe_fixes) for result in results), steps, seconds
    )


def _words(entry: Entry | None, witness: _Witness, outcome: FileOutcome) -> str | None:
    return entry.words if entry is not None else witness.program_of(outcome)


def _mended(work: Work, entry: Entry | None) -> tuple[list[FileOutcome], _Witness]:
    """What the repair makes of the files when they are run through an entry."""
    from regrad.migrate import entries
    from regrad.repair.session import Session

    options = replace(work.options, entry=entry.command if entry else None, jobs=1)
    paths = [os.path.join(work.folder, path) for path in work.paths]
    left = {(os.path.join(work.folder, path), *rest) for path, *rest in work.left}
    untouchable = {os.path.join(work.folder, path) for path in work.untouchable}

    def leave(key: Key) -> bool:
        start = key.span.start
        return key.path in untouchable or (key.path, start.line, start.column, key.code) in left

    witness = _Witness(work.folder)
    with Session(options, verifier=witness, leave=leave) as session:
        outcomes = [each for each in session.fix(paths, write=False) if each.findings or each.changed or each.message]
    return entries.kept_inside(outcomes, work.folder, untouchable), witness


def mend_programs(works: Sequence[Work]) -> list[Mended]:
    return [mend_program(work) for work in works]


# What a worker keeps between its tasks: parsed modules of the repository at hand, and TensorFlow, imported once.
_SURVEYORS: dict[tuple[str, Options], Surveyor] = {}
_VERIFIERS: dict[tuple[str | None, float, str], Comparer] = {}


def _surveyor(folder: str, options: Options) -> Surveyor:
    from regrad.repair.session import surveyor

    key = (folder, options)
    if key not in _SURVEYORS:
        _SURVEYORS.clear()
        _SURVEYORS[key] = surveyor(options)
    return _SURVEYORS[key]


class _Witness:
    """A verifier that outlives the session that uses it, and remembers which program each proof was made with."""

    def __init__(self, folder: str) -> None:
        self._inside = relative(folder)
        self._programs: list[tuple[Evidence, str]] = []
        self._options = Options()

    def __call__(self, options: Options) -> _Witness:
        self._options = options
        return self

    def compare(self, before: Job, after: Job, *, same_loss: bool) -> Evidence:
        evidence = _verifier(self._options).compare(before, after, same_loss=same_loss)
        self._programs.append((evidence, self._inside(before.path)))
        return evidence

    def close(self) -> None:
        return

    def program_of(self, outcome: FileOutcome) -> str | None:
        return next((path for evidence, path in self._programs if evidence is outcome.evidence), None)


def _verifier(options: Options) -> Comparer:
    from regrad.verify.verifier import Verifier

    key = (options.python, options.timeout, options.sandbox)
    if key not in _VERIFIERS:
        close_verifiers()
        _VERIFIERS[key] = Verifier(options.python, timeout=options.timeout, sandbox=options.sandbox)
    return _VERIFIERS[key]


def close_verifiers() -> None:
    """Ends the warm servers of this process."""
    for verifier in _VERIFIERS.values():
        verifier.close()
    _VERIFIERS.clear()


def _require_seen(folder: str) -> None:
    if not os.path.isdir(folder):
        raise Unseen(
            f"A worker does not see the scratch folder {folder}. Name one with --scratch that all machines share."
        )


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Ends what takes too long, where the system can: in the main thread of a process, with timers."""
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: object) -> None:
        raise TooLong

    usual = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)
