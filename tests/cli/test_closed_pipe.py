"""A reader who leaves (`| head -1`, `| true`) changes neither what is done nor the status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .test_end_to_end import BROKEN


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for number in range(3):
        (tmp_path / f"train{number}.py").write_text(BROKEN)
    (tmp_path / "sound.py").write_text("import tensorflow as tf\n")
    return tmp_path


def ended(project: Path, *arguments: str, stderr: bool = False) -> subprocess.Popen[str]:
    """The command with standard output (or error) into a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    other = subprocess.PIPE
    command = [sys.executable, "-m", "regrad.cli", *arguments]
    streams = {"stdout": other, "stderr": writing} if stderr else {"stdout": writing, "stderr": other}
    done = subprocess.Popen(command, cwd=project, text=True, **streams)  # type: ignore[call-overload]
    os.close(writing)
    out, err = done.communicate(timeout=120)
    assert "Traceback" not in (out or "") + (err or "")
    assert "Exception ignored" not in (err or "")
    assert isinstance(done, subprocess.Popen)
    return done


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("check", "."), 1),
        (("check", "sound.py"), 0),
        (("check", "-v", "--output-format", "json", "."), 1),
        (("fix", "--no-verify", "--diff", "."), 1),
        (("rules",), 0),
        (("explain", "RG401"), 0),
        (("rules", "--no-such"), 2),
    ],
)
def test_the_status_is_what_it_is_without_a_pipe(arguments: tuple[str, ...], status: int, project: Path) -> None:
    assert ended(project, *arguments).returncode == status


def test_all_files_are_mended(project: Path) -> None:
    assert ended(project, "fix", "--no-verify", "-v", ".").returncode == 0
    assert all((project / f"train{number}.py").read_text() != BROKEN for number in range(3))


def test_a_closed_standard_error_is_no_fault_either(project: Path) -> None:
    assert ended(project, "check", "absent.py", stderr=True).returncode == 2
