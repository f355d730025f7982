"""Standard output and error as commands use them: no character is too much for them, and no reader who leaves."""

from __future__ import annotations

import io
import os
import sys
from typing import Any


class _Patient(io.FileIO):
    """A pipe whose reader (`head`, a closed pager) may have seen enough: what comes then goes nowhere.

    The work goes on to its end, so the status is what it is without the pipe.
    """

    def write(self, content: Any) -> int:
        try:
            return super().write(content) or 0
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return super().write(content) or 0


def prepare() -> None:
    """A terminal that cannot show a character of somebody's source gets a stand-in, never an exception."""
    sys.stdout, sys.stderr = _patient(sys.stdout), _patient(sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _patient(stream: Any) -> Any:
    try:
        number = stream.fileno()
        if not isinstance(stream, io.TextIOWrapper) or stream.isatty():
            return stream
        stream.flush()
        raw = _Patient(number, "w", closefd=False)
    except (AttributeError, OSError, ValueError):
        # There is none (`pythonw`), or somebody has put something else in its place.
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
