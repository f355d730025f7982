"""Putting new bytes in the place of files: at once or not at all, and never over somebody else's change."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator, Mapping

_TEMPORARY = re.compile(r"\.regrad-\w{8}\.tmp")


class NotWritten(Exception):
    """Nothing was changed on disk; the message names the file and the reason."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def replace_file(path: str, before: bytes, after: bytes) -> None:
    """Replaces the content `before` of a file by `after`; raises `NotWritten`."""
    replace_files({path: (before, after)})


def replace_files(changes: Mapping[str, tuple[bytes, bytes]]) -> None:
    """Replaces files, each from one content to another: all of them or none; raises `NotWritten`."""
    prepared: list[tuple[str, str, str]] = []
    real = {path: os.path.realpath(path) for path in changes}
    try:
        with contextlib.ExitStack() as locks:
            for folder in sorted({os.path.dirname(place) for place in real.values()}):
                if locks.enter_context(_locked(folder)):
                    _clear_abandoned(folder)
            for path, (_, after) in changes.items():
                prepared.append((path, real[path], _prepared(path, real[path], after)))
            for path in changes:
                _require_unchanged(path, real[path], changes[path][0])
            _rename(prepared, changes)
    finally:
        for _, _, temporary in prepared:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _clear_abandoned(folder: str) -> None:
    """Removes what a run that was killed left here. Whoever has the folder's lock is alone with such files."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if _TEMPORARY.fullmatch(name):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))


def _prepared(path: str, real: str, content: bytes) -> str:
    """A file beside the real one with the new content and the old one's rights, safely on disk."""
    temporary = None
    try:
        status = os.stat(real)
        # A rename would not mind that the file is write-protected, but its owner does. Who may write it all the same
        # (root, for one) is not held back: a copy of a read-only checkout is read-only too.
        if not os.access(real, os.W_OK):
            raise NotWritten(path, "the file is write-protected")
        # Reading alone, the usual case, does without it.
        import tempfile

        descriptor, temporary = tempfile.mkstemp(prefix=".regrad-", suffix=".tmp", dir=os.path.dirname(real))
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if hasattr(os, "fchown") and (status.st_uid, status.st_gid) != _owner(file.fileno()):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.chmod(temporary, stat.S_IMODE(status.st_mode))
            os.fsync(file.fileno())
    except OSError as problem:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise NotWritten(path, f"cannot be written: {problem.strerror or problem}") from None
    except BaseException:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise
    return temporary


def _owner(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_uid, status.st_gid


def _require_unchanged(path: str, real: str, before: bytes) -> None:
    try:
        with open(real, "rb") as file:
            now = file.read()
    except OSError as problem:
        raise NotWritten(path, f"cannot be read again: {problem.strerror}") from None
    if now != before:
        raise NotWritten(path, "the file has changed since it was read; run again")


def _rename(prepared: list[tuple[str, str, str]], changes: Mapping[str, tuple[bytes, bytes]]) -> None:
    done: list[tuple[str, str]] = []
    try:
        for path, real, temporary in prepared:
            os.replace(temporary, real)
            done.append((path, real))
    except OSError as problem:
        for path, real in done:
            os.replace(_prepared(path, real, changes[path][0]), real)
        raise NotWritten(prepared[len(done)][0], f"cannot be replaced: {problem.strerror}") from None
    for folder in {os.path.dirname(real) for _, real in done}:
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[bool]:
    """Holds off other runs of ours in this folder while files are replaced; gives whether the system could."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield False
        return
    try:
        held = False
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            held = True
        yield held
    finally:
        os.close(descriptor)
