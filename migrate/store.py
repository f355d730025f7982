"""The results of a run on disk, written as they come: a run that is killed finds there what it need not do again."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from regrad.migrate.codec import plain, restored
from regrad.migrate.commits import Step
from regrad.migrate.packing import PackedFile
from regrad.migrate.results import FORMAT, STORE, RepositoryResult, RunInfo, Totals
from regrad.migrate.tasks import Read
from regrad.repair.outcome import Status

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS repositories (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, place TEXT NOT NULL, record TEXT NOT NULL,
    base TEXT, UNIQUE (place));
CREATE TABLE IF NOT EXISTS tips (place TEXT PRIMARY KEY, tip TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    repository INTEGER NOT NULL, path TEXT NOT NULL, blob TEXT, status TEXT NOT NULL, message TEXT,
    findings INTEGER NOT NULL, trains INTEGER NOT NULL, program TEXT, survey TEXT, seconds REAL NOT NULL,
    record BLOB, before BLOB, after BLOB, totals TEXT,
    PRIMARY KEY (repository, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS programs (
    repository INTEGER NOT NULL, key TEXT NOT NULL, steps TEXT NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY (repository, key)) WITHOUT ROWID;
"""


class InUse(Exception):
    """Another run writes there."""


class NoStore(Exception):
    """What is there is no store, and is left as it is; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store knows of a repository."""

    number: int
    result: RepositoryResult
    base: str | None
    """The commit that its rows are about."""
    tip: str | None
    """The last commit that we made for it."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A file as its row has it, for putting programs together."""

    path: str
    trains: bool
    program: tuple[str, ...]
    survey: str | None
    seconds: float


class Store:
    """One writer; its threads take turns. Readers (`results.Results`) are never in its way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # The folder may lie in somebody's checkout, whose status is to stay as it is.
        with contextlib.suppress(FileExistsError), (folder / ".gitignore").open("x") as file:
            file.write("*\n")
        self._claim = _claimed(folder / ".lock")
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(folder / STORE, check_same_thread=False, isolation_level=None)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
        except sqlite3.DatabaseError as problem:
            self._connection.close()
            os.close(self._claim)
            raise NoStore(f"{folder / STORE} is no store of results ({problem}).") from None

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._connection.close()
        os.close(self._claim)

    # The run

    def value(self, key: str) -> str | None:
        row = self._one("SELECT value FROM run WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    def begin(self, info: RunInfo, fingerprint: str) -> RunInfo:
        """Goes on with the run that is there if it was asked for the same, else begins a new one."""
        known = self.value("info")
        if self.value("format") == str(FORMAT) and self.value("fingerprint") == fingerprint and known is not None:
            return restored(RunInfo, json.loads(known))
        with self._change():
            for table in ("run", "repositories", "files", "programs"):
                self._connection.execute(f"DELETE FROM {table}")
            values = {"format": str(FORMAT), "info": json.dumps(plain(info)), "fingerprint": fingerprint}
            self._connection.executemany("INSERT INTO run VALUES (?, ?)", values.items())
        return info

    def put_value(self, key: str, value: str) -> None:
        self._do("INSERT OR REPLACE INTO run VALUES (?, ?)", (key, value))

    # Repositories

    def repository(self, place: str) -> Stored | None:
        row = self._one(
            "SELECT number, record, base, tip FROM repositories LEFT JOIN tips USING (place) WHERE place = ?", (place,)
        )
        if row is None:
            return None
        return Stored(int(row[0]), restored(RepositoryResult, json.loads(row[1])), row[2], row[3])

    def add(self, place: str, result: RepositoryResult) -> Stored:
        record = _json(result)
        with self._lock:
            self._do("INSERT INTO repositories (name, place, record) VALUES (?, ?, ?)", (result.name, place, record))
            stored = self.repository(place)
        assert stored is not None
        return stored

    def put(self, stored: Stored, result: RepositoryResult, *, base: str | None, tip: str | None = None) -> Stored:
        with self._change():
            self._connection.execute(
                "UPDATE repositories SET record = ?, base = ? WHERE number = ?", (_json(result), base, stored.number)
            )
            if tip is not None:
                # Kept whatever is asked for next: a branch of ours may be moved, another's may not.
                self._connection.execute(
                    "INSERT OR REPLACE INTO tips SELECT place, ? FROM repositories WHERE number = ?",
                    (tip, stored.number),
                )
        return Stored(stored.number, result, base, tip or stored.tip)

    def forget_all_but(self, places: Iterable[str]) -> None:
        """Drops what is known of repositories that are no longer asked for."""
        kept = set(places)
        with self._change():
            gone = [
                number
                for number, place in self._connection.execute("SELECT number, place FROM repositories").fetchall()
                if place not in kept
            ]
            for number in gone:
                self._forget(number)
                self._connection.execute("DELETE FROM repositories WHERE number = ?", (number,))

    def forget_files(self, stored: Stored) -> None:
        with self._change():
            self._forget(stored.number)

    def _forget(self, number: int) -> None:
        for table in ("files", "programs"):
            self._connection.execute(f"DELETE FROM {table} WHERE repository = ?", (number,))

    def keep_unchanged(self, stored: Stored, blobs: dict[str, str], standing: frozenset[str]) -> int:
        """For a new commit: keeps the files whose program has not changed, by the contents of all that it rests on.

        `standing` are the paths that are as they were. Everything about programs with findings is done again.
        """
        with self._change():
            rows = self._connection.execute(
                "SELECT path, blob, findings, program FROM files WHERE repository = ?", (stored.number,)
            ).fetchall()
            kept = 0
            for path, blob, findings, program in rows:
                rests_on = json.loads(program) if program else [path]
                if not findings and blob is not None and blobs.get(path) == blob and standing.issuperset(rests_on):
                    kept += 1
                    continue
                self._connection.execute("DELETE FROM files WHERE repository = ? AND path = ?", (stored.number, path))
            self._connection.execute("DELETE FROM programs WHERE repository = ?", (stored.number,))
        return kept

    # Files

    def read_paths(self, stored: Stored) -> frozenset[str]:
        """The files that were looked at already."""
        with self._lock:
            rows = self._connection.execute("SELECT path FROM files WHERE repository = ?", (stored.number,))
            return frozenset(path for (path,) in rows)

    def put_read(self, stored: Stored, reads: Sequence[Read], blobs: dict[str, str]) -> None:
        rows = [
            (
                stored.number,
                read.path,
                blobs.get(read.path),
                read.status.value,
                read.message,
                read.findings,
                read.trains,
                json.dumps(read.files) if read.files != (read.path,) else None,
                read.record,
                read.seconds,
                _json(_totals_of_reading(read)),
            )
            for read in reads
        ]
        with self._change():
            self._connection.executemany(
                "INSERT OR REPLACE INTO files (repository, path, blob, status, message, findings, trains, program,"
                " survey, seconds, totals) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def found(self, stored: Stored) -> Iterator[Surveyed]:
        """The files in whose programs something was found."""
        yield from self._surveyed("findings > 0", stored)

    def programs_around(self, stored: Stored) -> Iterator[Surveyed]:
        """The files whose program is more than the file itself."""
        yield from self._surveyed("program IS NOT NULL", stored)

    def _surveyed(self, condition: str, stored: Stored) -> Iterator[Surveyed]:
        with self._lock:
            rows = self._connection.execute(
                f"SELECT path, trains, program, survey, seconds FROM files WHERE repository = ? AND {condition}"
                " ORDER BY path",
                (stored.number,),
            ).fetchall()
        for path, trains, program, survey, seconds in rows:
            yield Surveyed(path, bool(trains), tuple(json.loads(program)) if program else (path,), survey, seconds)

    def unreadable(self, stored: Stored) -> Iterator[tuple[str, Status, str | None]]:
        """The files of which something must be said although nothing was found in them."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT path, status, message FROM files WHERE repository = ? AND record IS NULL"
                " AND (status != ? OR message IS NOT NULL)",
                (stored.number, Status.OK.value),
            ).fetchall()
        for path, status, message in rows:
            yield path, Status(status), message

    def put_files(self, stored: Stored, files: Iterable[PackedFile]) -> None:
        with self._change():
            self._put_files(stored, files)

    def _put_files(self, stored: Stored, files: Iterable[PackedFile]) -> None:
        for file in files:
            status = file.status.value
            self._connection.execute(
                "INSERT INTO files (repository, path, status, findings, trains, seconds, record, before, after, totals)"
                " VALUES (?, ?, ?, 0, 0, 0, ?, ?, ?, ?) ON CONFLICT (repository, path) DO UPDATE SET"
                " record = excluded.record, before = excluded.before, after = excluded.after,"
                " totals = excluded.totals",
                (
                    stored.number,
                    file.path,
                    status,
                    file.record,
                    file.before,
                    file.after,
                    _json(file.totals),
                ),
            )

    def totals(self, stored: Stored) -> Totals:
        with self._lock:
            rows = self._connection.execute(
                "SELECT totals, COUNT(*) FROM files WHERE repository = ? GROUP BY totals", (stored.number,)
            ).fetchall()
        total = Totals()
        for each, count in rows:
            total = total.plus(restored(Totals, json.loads(each)).times(count))
        return total

    # Programs

    def mended_programs(self, stored: Stored) -> frozenset[str]:
        with self._lock:
            rows = self._connection.execute("SELECT key FROM programs WHERE repository = ?", (stored.number,))
            return frozenset(key for (key,) in rows)

    def put_program(
        self, stored: Stored, key: str, files: Iterable[PackedFile], steps: Sequence[Step], seconds: float
    ) -> None:
        """A program's files and its steps towards the commits, together or not at all."""
        with self._change():
            self._put_files(stored, files)
            self._connection.execute(
                "INSERT OR REPLACE INTO programs VALUES (?, ?, ?, ?)",
                (stored.number, key, json.dumps(plain(tuple(steps))), seconds),
            )

    def steps(self, stored: Stored) -> list[Step]:
        """The steps of all programs, in the order of their keys."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT steps FROM programs WHERE repository = ? ORDER BY key", (stored.number,)
            ).fetchall()
        return [restored(Step, each) for (steps,) in rows for each in json.loads(steps)]

    def seconds_a_program(self) -> float | None:
        """How long the programs of this store took to mend and prove, on average."""
        row = self._one("SELECT AVG(seconds) FROM programs", ())
        return None if row is None or row[0] is None else float(row[0])

    # The connection

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _do(self, query: str, values: tuple[object, ...]) -> None:
        with self._lock:
            self._connection.execute(query, values)

    def _one(self, query: str, values: tuple[object, ...]) -> tuple[str, ...] | None:
        with self._lock:
            row: tuple[str, ...] | None = self._connection.execute(query, values).fetchone()
        return row


def _json(record: object) -> str:
    return json.dumps(plain(record))


def _totals_of_reading(read: Read) -> Totals:
    wrong = read.status in (Status.SYNTAX_ERROR, Status.UNREADABLE)
    return Totals(files=1, not_analysed=int(wrong))


def _claimed(path: Path) -> int:
    """Holds the folder for this run, until the process ends, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        import fcntl
    except ImportError:
        # Without it, SQLite alone keeps two writers apart.
        return descriptor
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise InUse(f"Another run of regrad migrate is writing to {path.parent}.") from None
    return descriptor
