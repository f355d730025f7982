"""Whatever a user gets wrong is answered with a sentence, status 2 and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from regrad.cli.configuration import Configuration
from regrad.cli.settings import Request, laid_over
from regrad.codemods.engine.registry import rules

from .console_script import Ran, Script
from .test_end_to_end import BROKEN


def is_kind(ran: Ran) -> bool:
    said = bool(ran.stderr.strip()) and "Traceback" not in ran.stderr
    return ran.status == 2 and said and not ran.stdout_bytes


@pytest.mark.parametrize("command", ["check", "fix", "verify"])
def test_a_path_that_is_not_there_is_told_its_neighbour(command: str, script: Script, tmp_path: Path) -> None:
    (tmp_path / "train_model.py").write_text("")
    ran = script(command, str(tmp_path / "train_modell.py"))
    assert is_kind(ran)
    assert "train_modell.py: no such file" in ran.stderr
    assert f"Did you mean {tmp_path / 'train_model.py'}?" in ran.stderr


def test_a_wrong_command_is_told_the_near_one(script: Script) -> None:
    ran = script("chekc")
    assert is_kind(ran)
    assert "check" in ran.stderr


@pytest.mark.parametrize("arguments", [("check", "--no-such"), ("fix", "--output-format", "xml"), ("verify",)])
def test_wrong_options_are_usage_errors(arguments: tuple[str, ...], script: Script) -> None:
    ran = script(*arguments)
    assert is_kind(ran)
    assert "Internal error" not in ran.stderr


def test_verify_wants_a_file(script: Script, tmp_path: Path) -> None:
    ran = script("verify", str(tmp_path))
    assert is_kind(ran)
    assert "folder" in ran.stderr


def test_a_wrong_interpreter_is_named(script: Script, tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text("")
    ran = script("verify", "--python", "/no/such/python", str(program))
    assert is_kind(ran)
    assert "/no/such/python" in ran.stderr


@pytest.mark.parametrize("command", ["check", "fix", "verify"])
def test_an_unknown_configuration_key_is_told_the_near_one(command: str, script: Script, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.regrad]\nselects = []\n")
    program = tmp_path / "train.py"
    program.write_text("")
    ran = script(command, str(program))
    assert is_kind(ran)
    assert "Internal error" not in ran.stderr
    assert "Did you mean select?" in ran.stderr


def test_standard_input_goes_alone(script: Script, tmp_path: Path) -> None:
    together = script("check", "-", str(tmp_path))
    assert is_kind(together)
    assert "goes with no other path" in together.stderr
    nameless = script("check", "--stdin-filename", "x.py", str(tmp_path))
    assert is_kind(nameless)
    assert "--stdin-filename" in nameless.stderr


def test_an_internal_error_is_one_sentence(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(job: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("regrad.cli.job.carry_out", fails)
    monkeypatch.delenv("REGRAD_TRACEBACK", raising=False)
    ran = script("check", str(tmp_path))
    assert is_kind(ran)
    assert "Internal error: RuntimeError: a fault" in ran.stderr


@pytest.mark.parametrize("command", ["verify", "fix"])
def test_an_interpreter_that_ends_at_once_is_named(command: str, script: Script, tmp_path: Path) -> None:
    dead = tmp_path / "python"
    dead.write_text("#!/bin/sh\necho 'Fatal Python error: no module named encodings' >&2\nexit 1\n")
    dead.chmod(0o755)
    (tmp_path / "train.py").write_text(BROKEN)
    ran = script(command, "--isolated", "--python", str(dead), str(tmp_path / "train.py"))
    said = ran.stdout + ran.stderr
    assert f"{dead} (as asked for): Fatal Python error: no module named encodings" in said
    assert "pip install tensorflow" in said
    # What reading alone can mend is mended, and is said to be not proved.
    assert ran.status == (1 if command == "verify" else 0)
    assert ("none proved" in said) == (command == "fix")


def test_a_keras_that_there_is_not_is_a_mistake_and_a_number_is_a_name(script: Script, tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(BROKEN)
    ran = script("fix", "--keras", "keras4", str(program))
    assert is_kind(ran)
    assert "2, 3 or one of keras3, tf-keras" in ran.stderr
    assert program.read_text() == BROKEN
    assert laid_over(Request(keras="2"), Configuration()).keras == "tf-keras"


@pytest.mark.parametrize("command", ["check", "fix"])
def test_standard_input_that_is_no_python_is_told(command: str, script: Script) -> None:
    ran = script(command, "--isolated", "-", stdin=b"def f(:\n")
    assert ran.status == 3
    assert "not valid Python at line 1" in ran.stdout + ran.stderr
    assert ran.stdout_bytes.startswith(b"def f(:\n") == (command == "fix")


def test_what_codes_begin_with_is_answered_with_the_codes(script: Script) -> None:
    ran = script("explain", "rg40")
    assert is_kind(ran)
    assert "With RG40 begin RG401, RG402" in ran.stderr


def test_the_shell_completes_commands_options_and_codes() -> None:
    for line, expected in (
        ("regrad che", {"check"}),
        ("regrad check --sel", {"--select"}),
        ("regrad check --output-format s", {"sarif"}),
        ("regrad explain RG60", {rule.code for rule in rules() if rule.code.startswith("RG60")}),
    ):
        words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")), "_REGRAD_COMPLETE": "complete_bash"}
        # As the console script that is installed: the variable carries its name.
        code = "import sys; sys.argv[0] = 'regrad'; from regrad.cli.main import run; run()"
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **words}, capture_output=True, text=True, check=False
        )
        assert set(done.stdout.split()) == expected, line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("options", [(), ("--select", "RG"), ("--output-format", "json")])
def test_output_that_finds_no_room_is_no_fault_of_regrad(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Both ways through the command line: with typer, and the short one."""
    program = tmp_path / "train.py"
    program.write_text(BROKEN)
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "regrad.cli", "check", "--isolated", *options, str(program)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "No space left on device: not all of the output was written." in done.stderr
    assert "Internal error" not in done.stderr and "Exception ignored" not in done.stderr
