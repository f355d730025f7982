"""The command that the closing line names means what the one before it meant."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path

import pytest
from regrad.cli.follow_up import repeated
from regrad.cli.job import Job
from regrad.cli.settings import Request

from .console_script import Script
from .test_end_to_end import BROKEN

EVERYTHING = Request(
    select=("RG4", "RG501"),
    ignore=("RG403",),
    per_file_ignores=("tests/*:RG401",),
    exclude=("old files/",),
    force_exclude=True,
    verify=False,
    require_verified=None,
    python="python3",
    timeout=7.5,
    keras="tf-keras",
    entry="train.py --epochs 1",
    sandbox="off",
    config=Path("other.toml"),
    isolated=True,
)


def asked_by(words: list[str], monkeypatch: pytest.MonkeyPatch, script: Script) -> Request:
    jobs: list[Job] = []

    def carry_out(job: Job) -> int:
        jobs.append(job)
        return 0

    with monkeypatch.context() as patch:
        patch.setattr("regrad.cli.job.carry_out", carry_out)
        assert script(*words).status == 0
    return jobs[0].request


def test_what_is_repeated_is_read_as_it_was_meant(monkeypatch: pytest.MonkeyPatch, script: Script) -> None:
    words = ["fix", *repeated(EVERYTHING, fixing=True), "train.py"]
    assert asked_by(words, monkeypatch, script) == EVERYTHING


def test_every_field_of_a_request_is_repeated_or_left_to_the_closing_line() -> None:
    plain = Request()
    given = dataclasses.replace(EVERYTHING, require_verified=True, unsafe_fixes=True)
    for field in dataclasses.fields(Request):
        assert getattr(given, field.name) != getattr(plain, field.name), field.name
        alone = dataclasses.replace(plain, **{field.name: getattr(given, field.name)})
        assert bool(repeated(alone, fixing=True)) == (field.name != "unsafe_fixes"), field.name


def test_checking_runs_nothing_and_does_not_forbid_it_to_the_next() -> None:
    assert repeated(Request(verify=False), fixing=False) == ()


def test_the_command_after_a_preview_writes_what_was_seen(script: Script, tmp_path: Path) -> None:
    program = tmp_path / "my train.py"
    program.write_text(BROKEN)
    seen = script("fix", "--diff", "--no-verify", "--isolated", "--select", "RG401", str(program))
    named = re.search(r"write it with: regrad (.*)", seen.stderr)
    assert named is not None
    words = shlex.split(named[1])
    assert words == ["fix", "--isolated", "--no-verify", "--select", "RG401", str(program)]
    assert script(*words).status == 0
    assert program.read_text() != BROKEN
