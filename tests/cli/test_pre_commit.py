"""The hooks of `.pre-commit-hooks.yaml`, run by the real pre-commit on commits of a repository.

Only the installation is left out: the hook runs the regrad that is tested instead of one that pre-commit would install.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .test_end_to_end import BROKEN

HOOKS = Path(__file__).resolve().parents[2] / ".pre-commit-hooks.yaml"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a broken training and a file that has nothing to do with it, both to be committed."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / "train.py").write_text(BROKEN, encoding="utf-8")
    (root / "notes.md").write_text("with tf.GradientTape() as tape:\n", encoding="utf-8")
    git(root, "add", ".")
    return root


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *arguments], cwd=root, check=True)


def hooked(root: Path, name: str) -> subprocess.CompletedProcess[str]:
    """What pre-commit says of the staged files with one of our hooks."""
    hooks: list[dict[str, Any]] = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))
    (hook,) = (dict(each) for each in hooks if each["id"] == name)
    command, _, rest = hook["entry"].partition(" ")
    assert command == "regrad"
    hook.update(entry=f'"{sys.executable}" -m regrad.cli {rest}', language="system")
    configuration = {"repos": [{"repo": "local", "hooks": [hook]}]}
    (root / ".pre-commit-config.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    git(root, "add", ".pre-commit-config.yaml")
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--color", "never"], cwd=root, capture_output=True, text=True
    )


def test_a_broken_training_is_not_committed(repository: Path) -> None:
    done = hooked(repository, "regrad-check")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "regrad check" in done.stdout and "Failed" in done.stdout
    assert "train.py:" in done.stdout and "RG" in done.stdout
    assert "notes.md" not in done.stdout
    assert (repository / "train.py").read_text(encoding="utf-8") == BROKEN


def test_the_fix_changes_the_file_and_asks_for_another_look(repository: Path) -> None:
    first = hooked(repository, "regrad-fix")
    assert first.returncode == 1, first.stdout + first.stderr
    assert "files were modified by this hook" in first.stdout
    assert (repository / "train.py").read_text(encoding="utf-8") != BROKEN
    git(repository, "add", "train.py")
    for hook in ("regrad-fix", "regrad-check"):
        again = hooked(repository, hook)
        assert again.returncode == 0, again.stdout + again.stderr
        assert "Passed" in again.stdout


def test_files_of_other_kinds_are_not_looked_at(repository: Path) -> None:
    git(repository, "rm", "--quiet", "--cached", "train.py")
    done = hooked(repository, "regrad-check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Skipped" in done.stdout
