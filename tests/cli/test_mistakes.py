"""Whatever a user gets wrong is answered with a sentence, status 2 and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from .console_script import Ran, Script


def is_kind(ran: Ran) -> bool:
    said = bool(ran.stderr.strip()) and "Traceback" not in ran.stderr
    return ran.status == 2 and said and not ran.stdout_bytes


@pytest.mark.parametrize("command", ["check", "fix", "verify"])
def test_a_path_that_is_not_there_is_told_its_neighbour(command: str, script: Script, tmp_path: Path) -> None:
    (tmp_path / "train_model.py").write_text("")
    ran = script(command, str(tmp_path / "train_modell.py"))
    assert is_kind(ran)
    assert "train_modell.py: no such file" in ran.stderr
    assert "Did you mean train_model.py?" in ran.stderr


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
