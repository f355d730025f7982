"""The recipes of docs/migrate.md for other carriers, run as they stand there as far as they can be run here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..migrate.repositories import BROKEN, FROZEN, SOUND, git, repository, request, run

yaml = pytest.importorskip("yaml")
GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "migrate.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def block(language: str, word: str) -> str:
    (found,) = [text for name, text in BLOCKS if name == language and word in text]
    return str(found)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs: regrad itself, and a `gh` that writes down what it is asked."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, text in {
        "regrad": f'exec "{sys.executable}" -m regrad.cli "$@"',
        "gh": f'printf "%s\\n" "$@" >> "{tmp_path}/asked"; cat >> "{tmp_path}/bodies"',
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return folder


def shell(script: str, folder: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "REGRAD_CACHE_DIR": ""}
    return subprocess.run(["sh", "-e", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)


def test_gh_is_asked_for_a_pull_request_of_each_repository(tmp_path: Path, programs: Path) -> None:
    from regrad.report import pull_request

    urls = []
    for name in ("first", "second", "sound"):
        top = repository(tmp_path / name, {"a.py": SOUND if name == "sound" else BROKEN})
        urls.append(f"file://{top}")
    run(request(tmp_path / "regrad-migration", *urls, describe=pull_request.write))
    done = shell(block("sh", "gh pr create"), tmp_path, programs)
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked.count("create") == 2
    assert asked[:8] == ["pr", "create", "--repo", urls[0], "--head", "regrad/mend", "--title", asked[7]]
    assert asked[7] == "Let gradients flow: mend 1 training fault"
    assert asked[8:10] == ["--body-file", "-"]
    texts = [
        (tmp_path / "regrad-migration" / "pull-requests" / f"{name}.md").read_text() for name in ("first", "second")
    ]
    heads, bodies = zip(*(text.split("\n\n", 1) for text in texts), strict=True)
    assert set(heads) == {"# Let gradients flow: mend 1 training fault"}, "the title stands beside the body, not in it"
    assert (tmp_path / "bodies").read_text() == "".join(bodies)
    assert git(tmp_path / "first", "log", "-1", "--format=%s", "regrad/mend") == "Mend RG401 forward-outside-tape"
    assert git(tmp_path / "sound", "branch", "--list", "regrad/*") == ""


@pytest.mark.parametrize(
    ("files", "options", "status"),
    [
        ({"a.py": BROKEN}, "", 0),
        ({"a.py": FROZEN}, "", 0),
        ({"a.py": "import tensorflow\nx = = 1\n"}, "", 0),
        ({"a.py": BROKEN}, "--select RG999", 1),
    ],
)
def test_carriers_see_success_unless_something_is_wrong_with_the_call(
    files: dict[str, str], options: str, status: int, tmp_path: Path, programs: Path
) -> None:
    top = repository(tmp_path / "models", files)
    script = block("sh", "# regrad-fix.sh").replace("fix --quiet .", f"fix --quiet --no-verify {options} .")
    assert shell(script, top, programs).returncode == status
    step = yaml.safe_load(block("yaml", "repositoriesMatchingQuery"))["steps"][0]["run"]
    assert "regrad fix --quiet . || [ $? -ne 2 ]" in step


def test_the_first_blocks_are_commands_that_exist() -> None:
    from regrad.cli.command import COMMANDS

    named = re.findall(r"^regrad (\S+)", "\n".join(text for name, text in BLOCKS if name == "sh"), re.MULTILINE)
    assert named
    assert set(named) <= set(COMMANDS)
