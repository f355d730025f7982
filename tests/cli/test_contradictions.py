"""What a command line or its settings say against itself is told, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.cli.settings import Request, configuration_for, laid_over

from .console_script import Script
from .test_end_to_end import BROKEN


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.py").write_text(BROKEN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ("", ("--require-verified", "--no-verify")),
        ("require-verified = true\nverify = false\n", ()),
        ("require-verified = true\n", ("--no-verify",)),
    ],
)
def test_a_proof_is_not_asked_for_and_forbidden(
    settings: str, arguments: tuple[str, ...], script: Script, project: Path
) -> None:
    (project / "pyproject.toml").write_text(f"[tool.regrad]\n{settings}")
    ran = script("fix", *arguments, "train.py")
    assert ran.status == 2
    assert "--require-verified" in ran.stderr
    assert (project / "train.py").read_text() == BROKEN


def test_the_command_line_can_take_it_back(script: Script, project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.regrad]\nrequire-verified = true\n")
    assert script("fix", "--no-verify", "--no-require-verified", "train.py").status == 0
    assert (project / "train.py").read_text() != BROKEN


def test_no_folder_is_written_before_the_mistake_in_another_is_told(script: Script, project: Path) -> None:
    other = project / "other"
    other.mkdir()
    (other / "pyproject.toml").write_text("[tool.regrad]\nrequire-verified = true\n")
    (other / "train.py").write_text(BROKEN)
    assert script("fix", "--no-verify", "train.py", "other/train.py").status == 2
    assert (project / "train.py").read_text() == BROKEN


@pytest.mark.parametrize("arguments", [("--select", ""), ("--select", " , ")])
def test_a_selection_of_nothing_is_a_mistake(arguments: tuple[str, ...], script: Script, project: Path) -> None:
    ran = script("check", *arguments, "train.py")
    assert ran.status == 2
    assert "--select names no rule" in ran.stderr


def test_a_selection_of_nothing_in_the_settings_is_a_mistake(script: Script, project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.regrad]\nselect = []\n")
    ran = script("check", "train.py")
    assert ran.status == 2
    assert "pyproject.toml: `select`" in ran.stderr


def test_settings_are_not_both_named_and_refused(script: Script, project: Path) -> None:
    (project / "own.toml").write_text('select = ["RG4"]\n')
    ran = script("check", "--isolated", "--config", "own.toml", "train.py")
    assert ran.status == 2
    assert "--isolated" in ran.stderr


@pytest.mark.parametrize("name", ["pyproject.toml", "other.toml"])
def test_named_settings_that_say_nothing_to_regrad_are_told(name: str, script: Script, project: Path) -> None:
    (project / name).write_text("[tool.black]\nline-length = 120\n")
    ran = script("check", "--config", name, "train.py")
    assert ran.status == 2
    assert "there is no [tool.regrad]" in ran.stderr


def test_named_settings_may_be_the_keys_alone(script: Script, project: Path) -> None:
    (project / "regrad.toml").write_text('select = ["RG1"]\n')
    assert script("check", "--config", "regrad.toml", "train.py").status == 0


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[tool.regrad]\npython = ".venv/bin/python"\n', ".venv/bin/python: there is no such interpreter"),
        ('[tool.regrad.verify.data]\n"load" = "tests/smal.py:load"\n', "tests/smal.py, which"),
        ('[tool.regrad.verify.data]\n"a.csv" = "tests/absent.csv"\n', "tests/absent.csv, which"),
    ],
)
@pytest.mark.parametrize("command", ["fix", "verify", "diagnose"])
def test_settings_that_name_what_is_not_there_are_told(
    command: str, table: str, said: str, script: Script, project: Path
) -> None:
    (project / "tests").mkdir()
    (project / "tests" / "small.py").write_text("")
    (project / "pyproject.toml").write_text(table)
    ran = script(command, "train.py")
    assert ran.status == 2
    assert said in ran.stderr
    assert ("small.py?" in ran.stderr) == ("smal.py" in table)
    assert (project / "train.py").read_text() == BROKEN


def test_the_interpreter_of_the_settings_is_meant_from_where_they_lie(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.regrad]\npython = "env/bin/python"\n')
    own = configuration_for(project / "train.py", Request())
    assert laid_over(Request(), own).python == str(project.resolve() / "env/bin/python")
    assert laid_over(Request(python="python3"), own).python == "python3"


@pytest.mark.parametrize("command", ["check", "fix", "verify", "diagnose"])
def test_what_was_meant_is_told_with_its_folder(command: str, script: Script, project: Path) -> None:
    folder = project / "package"
    folder.mkdir()
    (folder / "model.py").write_text("")
    ran = script(command, "package/modle.py")
    assert ran.status == 2
    assert "Did you mean package/model.py?" in ran.stderr
