"""What a killed run leaves behind is cleared by the next one; what somebody holds, or may be about to, stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from regrad.verify.scratch_folders import PREFIX, YOUNG, ScratchFolder, clear_abandoned


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def aged(folder: Path) -> Path:
    then = time.time() - 2 * YOUNG
    os.utime(folder, (then, then))
    return folder


def test_a_folder_goes_with_its_owner(temporary: Path) -> None:
    own = ScratchFolder()
    Path(own.path, "deep").mkdir()
    assert Path(own.path).parent == temporary
    own.close()
    own.close()
    assert list(temporary.iterdir()) == []


def test_a_folder_that_is_held_stays(temporary: Path) -> None:
    own = ScratchFolder()
    aged(Path(own.path))
    clear_abandoned()
    assert Path(own.path).is_dir()
    own.close()


def test_what_a_killed_process_held_is_cleared(temporary: Path) -> None:
    code = (
        "import time; from regrad.verify.scratch_folders import ScratchFolder;"
        " print(ScratchFolder().path, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(temporary)}
    ) as process:
        assert process.stdout is not None
        folder = aged(Path(process.stdout.readline().strip()))
        clear_abandoned()
        assert folder.is_dir(), "its owner lives"
        process.send_signal(signal.SIGKILL)
    clear_abandoned()
    assert not folder.exists()


def test_what_is_young_foreign_or_a_link_stays(temporary: Path) -> None:
    young = temporary / f"{PREFIX}young"
    young.mkdir()
    other = temporary / "other"
    other.mkdir()
    link = temporary / f"{PREFIX}link"
    link.symlink_to(other)
    then = time.time() - 2 * YOUNG
    os.utime(link, (then, then), follow_symlinks=False)
    aged(other)
    clear_abandoned()
    assert young.is_dir() and other.is_dir() and link.is_symlink()
