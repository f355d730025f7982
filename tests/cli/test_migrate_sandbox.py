"""How strong the sandbox of a migration is: the user's to say, and never that of a repository which it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.cli.migration import _SettingsOf
from regrad.cli.settings import Request
from regrad.migrate import tasks
from regrad.repair.options import Options

from .console_script import Script

LETS_ITSELF_OUT = '[tool.regrad.verify]\nsandbox = "off"\n'


@pytest.fixture
def repository(tmp_path: Path) -> str:
    top = tmp_path / "models"
    top.mkdir()
    (top / "pyproject.toml").write_text(LETS_ITSELF_OUT)
    return str(top)


def test_a_repository_cannot_let_itself_out(repository: str) -> None:
    assert _SettingsOf(Request())(repository, repository).options.sandbox == "auto"


def test_the_command_line_says_it(repository: str) -> None:
    assert _SettingsOf(Request(sandbox="require"))(repository, repository).options.sandbox == "require"


def test_a_file_that_the_user_names_says_it(repository: str, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[tool.regrad.verify]\nsandbox = "require"\n')
    assert _SettingsOf(Request(config=own))(repository, repository).options.sandbox == "require"
    assert _SettingsOf(Request(config=own, sandbox="off"))(repository, repository).options.sandbox == "off"


def test_the_runs_of_a_migration_are_confined_as_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []

    class Stub:
        def __init__(self, python: str | None, *, timeout: float, sandbox: str) -> None:
            started.append(sandbox)

        def close(self) -> None: ...

    monkeypatch.setattr("regrad.verify.verifier.Verifier", Stub)
    monkeypatch.setattr(tasks, "_VERIFIERS", {})
    for sandbox in ("require", "require", "auto"):
        tasks._verifier(Options(sandbox=sandbox))
    assert started == ["require", "auto"]


def test_a_wrong_level_is_told(script: Script, repository: str) -> None:
    assert script("migrate", repository, "--sandbox", "some").status == 2
