"""What a run found out about each file, kept for the next: as long as the contents, the version and the settings are
the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import regrad
from regrad.codemods.engine.registry import rules

if TYPE_CHECKING:
    from regrad.repair.options import Options
    from regrad.repair.survey import Surveyed

FORMAT = 1
MOST = 200_000
"""So many files are remembered; beyond that, those of this run only."""
PLACE = "REGRAD_CACHE_DIR"
"""The variable that names another folder; empty, nothing is kept."""
Stamp = tuple[int, int]
"""Time of change in nanoseconds, and size."""


@dataclass(frozen=True)
class _Entry:
    surveyed: Surveyed
    stamps: tuple[tuple[str, Stamp, bytes], ...]
    """The files that the answer rests on, with the digest of each."""
    generation: int | None


class Cache:
    """The answers of earlier runs under the same settings. A file that cannot be read or written is as good as none."""

    def __init__(self, options: Options) -> None:
        self._file = _place(options)
        self._entries: dict[str, _Entry] = {}
        self._used: set[str] = set()
        self._stamps: dict[str, Stamp | None] = {}
        self._digests: dict[tuple[str, Stamp], bytes] = {}
        self._changed = False
        if self._file is not None:
            # Whatever may be wrong with the file: it is only a cache.
            with contextlib.suppress(Exception), open(self._file, "rb") as file:
                self._entries = pickle.load(file)

    def get(self, path: str, generation: int | None) -> Surveyed | None:
        """The answer for a file, if nothing that it rests on has changed."""
        key = os.path.abspath(path)
        entry = self._entries.get(key)
        if entry is None or entry.surveyed.path != path or entry.generation != generation:
            return None
        if not all(self._is_same(*each) for each in entry.stamps):
            return None
        if any(self._stamp(place) is not None for place in entry.surveyed.absent):
            return None
        self._used.add(key)
        return entry.surveyed

    def put(self, surveyed: Surveyed, generation: int | None, before: float) -> None:
        """Remember an answer. A file that was changed after `before` may not be the one that was read, and is not
        remembered.
        """
        if self._file is None or not surveyed.lasting:
            return
        stamps: list[tuple[str, Stamp, bytes]] = []
        for place in surveyed.files:
            stamp = self._stamp(place)
            if stamp is None or stamp[0] >= before * 1e9:
                return
            stamps.append((place, stamp, self._digest(place, stamp)))
        key = os.path.abspath(surveyed.path)
        self._entries[key] = _Entry(surveyed, tuple(stamps), generation)
        self._used.add(key)
        self._changed = True

    def save(self) -> None:
        """Write what is new, in one piece."""
        if self._file is None or not self._changed:
            return
        if len(self._entries) > MOST:
            self._entries = {key: entry for key, entry in self._entries.items() if key in self._used}
        temporary = f"{self._file}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._file), mode=0o700, exist_ok=True)
            with open(temporary, "wb") as file:
                pickle.dump(self._entries, file, pickle.HIGHEST_PROTOCOL)
            os.replace(temporary, self._file)
        except (OSError, pickle.PicklingError):
            with contextlib.suppress(OSError):
                os.unlink(temporary)

    def _is_same(self, path: str, stamp: Stamp, digest: bytes) -> bool:
        present = self._stamp(path)
        if present == stamp:
            return True
        if present is None or present[1] != stamp[1]:
            return False
        # Touched, or checked out anew: the contents decide.
        return self._digest(path, present) == digest

    def _stamp(self, path: str) -> Stamp | None:
        if path not in self._stamps:
            try:
                found = os.stat(path)
                self._stamps[path] = (found.st_mtime_ns, found.st_size)
            except (OSError, ValueError):
                self._stamps[path] = None
        return self._stamps[path]

    def _digest(self, path: str, stamp: Stamp) -> bytes:
        key = (path, stamp)
        if key not in self._digests:
            try:
                with open(path, "rb") as file:
                    self._digests[key] = hashlib.blake2b(file.read(), digest_size=16).digest()
            except OSError:
                self._digests[key] = b""
        return self._digests[key]


def _place(options: Options) -> str | None:
    """The file for these settings and this version; None where nothing is to be kept."""
    named = os.environ.get(PLACE)
    if named == "":
        return None
    folder = named or os.path.join(_of_user(), "regrad")
    settings = (
        options.select,
        options.ignore,
        options.per_file_ignores,
        os.path.abspath(options.root),
        os.getcwd(),
        options.keras,
    )
    key = hashlib.blake2b(digest_size=16)
    for part in (FORMAT, regrad.__version__, sys.version_info, settings, *_code()):
        key.update(repr(part).encode())
    return os.path.join(folder, f"findings-{key.hexdigest()}.pickle")


def _of_user() -> str:
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return os.environ["LOCALAPPDATA"]
    return os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")


def _code() -> Iterable[tuple[str, int, int]]:
    """What tells one state of the program that finds from another: its own files and those of foreign rules."""
    folders = [os.path.join(place, part) for place in regrad.__path__ for part in ("analysis", "codemods", "repair")]
    files = [
        os.path.join(current, name)
        for folder in folders
        for current, _, names in os.walk(folder)
        for name in names
        if name.endswith(".py")
    ]
    for rule in rules():
        module = sys.modules.get(rule.detect.__module__)
        foreign = getattr(module, "__file__", None)
        if foreign is not None and foreign not in files:
            files.append(foreign)
    for file in sorted(files):
        found = os.stat(file)
        yield file, found.st_mtime_ns, found.st_size
