"""Help at every width: no option is cut."""

from __future__ import annotations

import pytest
from regrad.cli.command import COMMANDS

from .console_script import Script


@pytest.mark.parametrize("width", [40, 60, 79, 80, 100])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_is_cut(name: str, width: int, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERMINAL_WIDTH", str(width))
    ran = script(name, "--help")
    assert ran.status == 0
    assert "…" not in ran.stdout


def test_the_settings_are_named_without_markup(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert "\\[" not in script("check", "--help").stdout
