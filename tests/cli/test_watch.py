"""`check --watch`: a change is seen, nothing else is, and Ctrl-C ends it with the status of the last check."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.cli.exit_status import ExitStatus
from regrad.cli.job import Job
from regrad.cli.settings import Request
from regrad.cli.watch import watch

from .console_script import Script
from .test_end_to_end import BROKEN, MENDED


def test_it_checks_again_when_a_file_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "train.py"
    program.write_text(BROKEN)
    looks = 0

    def sleep(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            program.write_text(MENDED)
        if looks == 6:
            raise KeyboardInterrupt

    status = watch(Job((str(tmp_path),), Request(isolated=True), fixing=False), sleep)
    assert status is ExitStatus.CLEAN
    said = capsys.readouterr()
    assert said.out.count("RG401") == 1
    assert said.out.splitlines()[-1] == "No findings in 1 file"
    assert said.err.count("Waiting for a change") == 2


def test_standard_input_cannot_be_watched(script: Script) -> None:
    ran = script("check", "--watch", "-")
    assert ran.status == 2
    assert "--watch" in ran.stderr
