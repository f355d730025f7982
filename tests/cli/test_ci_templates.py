"""The GitHub Action and the GitLab template: parsed, and their steps run as the services run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..migrate.repositories import BROKEN, SOUND

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).resolve().parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
TEMPLATE: dict[str, Any] = yaml.safe_load((ROOT / "ci-templates" / "regrad.gitlab-ci.yml").read_text(encoding="utf-8"))
EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """The runner's folder, with regrad where the first step would install it."""
    programs = tmp_path / "temporary" / "regrad" / "bin"
    programs.mkdir(parents=True)
    script = programs / "regrad"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m regrad.cli "$@"\n')
    script.chmod(0o755)
    return tmp_path / "temporary"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "broken.py").write_text(BROKEN)
    (folder / "sound.py").write_text(SOUND)
    return folder


def check_step(project: Path, temporary: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Runs the action's second step with its inputs, as the runner does; gives what it did and what it put out."""
    given = {name: entry["default"] for name, entry in ACTION["inputs"].items()}
    given.update({name.replace("_", "-"): value for name, value in inputs.items()})
    values = {"github.action_path": str(ROOT), **{f"inputs.{name}": value for name, value in given.items()}}
    step = ACTION["runs"]["steps"][1]
    environment = {key: EXPRESSION.sub(lambda found: values[found[1]], text) for key, text in step["env"].items()}
    output = temporary / "output"
    output.touch()
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=project,
        env={**os.environ, **environment, "RUNNER_TEMP": str(temporary), "GITHUB_OUTPUT": str(output)},
        capture_output=True,
        text=True,
    )
    return done, output.read_text()


def test_the_action_is_whole() -> None:
    assert ACTION["runs"]["using"] == "composite"
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"inputs\.([\w-]+)", text))
    assert named == set(ACTION["inputs"])
    for step in ACTION["runs"]["steps"]:
        assert step["shell"] == "bash"
        # What a caller gives is never part of a script.
        assert "${{" not in step["run"]
    assert "check" in {step.get("id") for step in ACTION["runs"]["steps"]}


def test_findings_are_annotations_and_fail_the_step(project: Path, temporary: Path) -> None:
    done, output = check_step(project, temporary)
    assert done.returncode == 1, done.stderr
    assert "file=broken.py" in done.stdout
    assert output == "status=1\n"


def test_findings_need_not_fail_the_step(project: Path, temporary: Path) -> None:
    done, output = check_step(project, temporary, fail_on_findings="false", sarif_file="found.sarif")
    assert done.returncode == 0, done.stderr
    assert output == "status=1\n"
    assert len(json.loads((project / "found.sarif").read_text())["runs"][0]["results"]) == 1


def test_paths_and_arguments_are_lines(project: Path, temporary: Path) -> None:
    (project / "a folder").mkdir()
    (project / "a folder" / "b.py").write_text(BROKEN)
    done, _ = check_step(project, temporary, paths="sound.py\na folder\n", arguments="--ignore\nRG101,RG102\n")
    assert done.returncode == 1
    assert "file=a folder/b.py" in done.stdout
    assert "broken.py" not in done.stdout


def test_an_input_is_never_a_command(project: Path, temporary: Path) -> None:
    done, _ = check_step(
        project, temporary, paths='sound.py"; touch pwned; "\n$(touch pwned)\n', fail_on_findings="false"
    )
    assert done.returncode == 2
    assert not (project / "pwned").exists()


@pytest.mark.parametrize(
    ("paths", "fails", "status"), [("broken.py", "true", 1), ("broken.py", "false", 0), ("sound.py", "true", 0)]
)
def test_the_gitlab_template(paths: str, fails: str, status: int, project: Path, temporary: Path) -> None:
    job = TEMPLATE["regrad"]
    variables = {**job["variables"], "REGRAD_PATHS": paths, "REGRAD_FAIL_ON_FINDINGS": fails}
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", "\n".join(job["script"])],
        cwd=project,
        env={**os.environ, **variables, "PATH": f"{temporary}/regrad/bin{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr
    report = json.loads((project / job["artifacts"]["reports"]["codequality"]).read_text())
    assert [entry["location"]["path"] for entry in report] == ["broken.py"] * (paths == "broken.py")
