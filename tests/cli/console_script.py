"""Runs `regrad` as the console script does, in this process, and keeps what it wrote."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from regrad.cli.main import run


@dataclass(frozen=True)
class Ran:
    status: int
    stdout_bytes: bytes
    stderr: str

    @property
    def stdout(self) -> str:
        return self.stdout_bytes.decode("utf-8")


class Script:
    """`script("check", "train.py")`."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Ran:
        out, err = io.BytesIO(), io.BytesIO()
        with self.patch.context() as patch:
            patch.setattr(sys, "argv", ["regrad", *arguments])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
            patch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="utf-8", write_through=True))
            patch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding="utf-8", write_through=True))
            status = _status()
            return Ran(status, out.getvalue(), err.getvalue().decode("utf-8"))


def _status() -> int:
    with _left() as codes:
        run()
    return codes[0]


@contextmanager
def _left() -> Iterator[list[int]]:
    codes: list[int] = []
    try:
        yield codes
        codes.append(0)
    except SystemExit as left:
        codes.append(int(left.code or 0))
