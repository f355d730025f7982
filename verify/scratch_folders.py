"""The scratch folders of the verifier's servers: each is held as long as its owner lives; what a killed one left behind
is cleared by the next."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

PREFIX = "regrad-run-"
YOUNG = 60.0
"""Seconds for which a folder that nobody holds is left alone: its owner may be about to."""


class ScratchFolder:
    """A folder that is this process's own until `close`."""

    def __init__(self) -> None:
        clear_abandoned()
        self.path = tempfile.mkdtemp(prefix=PREFIX)
        self._held = _hold(self.path)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._held is not None:
            os.close(self._held)
            self._held = None


def clear_abandoned() -> None:
    """Removes the folders of this user that no process holds any more: the lock goes with the process, however it
    ends.
    """
    if not hasattr(os, "getuid"):
        return
    with contextlib.suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
            with contextlib.suppress(OSError):
                status = folder.lstat()
                if status.st_uid != os.getuid() or folder.is_symlink() or time.time() - status.st_mtime < YOUNG:
                    continue
                held = _hold(str(folder))
                if held is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    os.close(held)


def _hold(path: str) -> int | None:
    """A descriptor with the lock of the folder; None where another process has it, or the system knows no such lock."""
    try:
        import fcntl
    except ImportError:
        return None
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
