"""The page of the command line names every command and option, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from regrad.cli.command import COMMANDS, command

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "command-line.md").read_text(encoding="utf-8")
ELSEWHERE = {"migrate": "migrate.md", "report": "migrate.md"}
"""Commands with a guide of their own."""
SECTIONS: dict[str, str] = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))


def section(name: str) -> str:
    """The section of a command; `fix` refers to that of `check`."""
    (found,) = [text for heading, text in SECTIONS.items() if name in heading.split(", ")]
    return found + (SECTIONS["check"] if name == "fix" else "")


def options(name: str) -> list[list[str]]:
    group = typer.main.get_command(command())
    assert isinstance(group, typer.core.TyperGroup)
    return [[*each.opts, *each.secondary_opts] for each in group.commands[name].params if each.opts[0][0] == "-"]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ELSEWHERE])
def test_every_option_of_every_command_is_there(name: str) -> None:
    text = section(name)
    missing = [spelled for spelled in options(name) if not any(f"`{each}" in text for each in spelled)]
    assert missing == []


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_commands_with_their_own_guide_are_named(name: str) -> None:
    assert f"]({ELSEWHERE[name]})" in section(name)


def test_no_option_is_named_that_does_not_exist() -> None:
    known = {each for name in COMMANDS for spelled in options(name) for each in spelled}
    known |= {"--help", "--epochs", "--install-completion", "--show-completion"}
    named = set(re.findall(r"(?<![-\w])--[a-z][a-z-]*", PAGE))
    assert "--select" in named
    assert named <= known
