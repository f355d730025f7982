"""The GitHub Action and the GitLab template: inputs are told, and their scripts run here as a runner runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
BROKEN = (ROOT / "fixtures" / "quickstart" / "linear_regression_forward_outside.py").read_bytes()
GUIDE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
REGRAD = f'#!/bin/sh\nexec "{sys.executable}" -m regrad.cli "$@"\n'
# Stands for a Python that has no network: it says what pip was told to install.
RECORDER = """\
#!/bin/sh
if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; else echo "$@"; fi
"""


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def template() -> tuple[dict[str, Any], str]:
    """The inputs of the GitLab template, and its jobs as text, in which GitLab puts the inputs."""
    head, _, jobs = (ROOT / "ci-templates" / "regrad.gitlab-ci.yml").read_text(encoding="utf-8").partition("\n---\n")
    return yaml.safe_load(head)["spec"]["inputs"], jobs


def step(action: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in action["runs"]["steps"] if each.get("name") == name]
    return dict(found)


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def runner(folder: Path, **variables: str) -> dict[str, str]:
    for name in ("output", "environment"):
        (folder / name).touch()
    return {
        **os.environ,
        "RUNNER_TEMP": str(folder / "temporary"),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_ENV": str(folder / "environment"),
        **variables,
    }


def bash(script: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    # As GitHub starts it.
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_every_input_is_described_and_used(action: dict[str, Any]) -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    for name, declared in action["inputs"].items():
        assert declared["description"].endswith((".", "`."))
        assert isinstance(declared["default"], str), "GitHub knows inputs as texts"
        assert f"inputs.{name}" in text
        assert f"`{name}`" in GUIDE
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action["inputs"])


def test_no_input_becomes_part_of_a_script(action: dict[str, Any]) -> None:
    for each in action["runs"]["steps"]:
        assert "${{" not in each.get("run", "")
        assert ("run" in each) == ("shell" in each), "a composite action names the shell of each script"


def test_other_actions_are_taken_at_a_version(action: dict[str, Any]) -> None:
    used = [each["uses"] for each in action["runs"]["steps"] if "uses" in each]
    assert len(used) == 2
    assert all(re.fullmatch(r"[\w-]+(/[\w-]+)+@v\d+", each) for each in used)


@pytest.mark.parametrize(
    ("version", "repository", "installed"),
    [
        ("", "", "the action"),
        ("", "owner/regrad", "the action"),
        ("v1.2", "owner/regrad", "git+https://example.org/owner/regrad@v1.2"),
    ],
)
def test_the_version_that_is_asked_for_is_installed(
    action: dict[str, Any], tmp_path: Path, version: str, repository: str, installed: str
) -> None:
    given = {"VERSION": version, "REPOSITORY": repository, "ACTION": "the action", "SERVER": "https://example.org"}
    python = executable(tmp_path / "python", RECORDER)
    ran = bash(step(action, "Install regrad")["run"], tmp_path, runner(tmp_path, PYTHON=str(python), **given))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.rstrip().endswith(f"--disable-pip-version-check {installed}")
    assert (tmp_path / "environment").read_text() == f"REGRAD={tmp_path}/temporary/regrad/bin/regrad\n"


def test_a_version_without_a_repository_is_a_mistake(action: dict[str, Any], tmp_path: Path) -> None:
    environment = runner(tmp_path, VERSION="v1.2", REPOSITORY="", ACTION=".", SERVER="", PYTHON="false")
    ran = bash(step(action, "Install regrad")["run"], tmp_path, environment)
    assert (ran.returncode, ran.stdout[:9]) == (2, "::error::")


@pytest.mark.parametrize(
    ("paths", "arguments", "status"),
    [
        ("a program.py\nsound.py", "", "1"),
        ("a program.py", "--ignore\nRG401", "0"),
        ("a program.py\nold.py", "", "3"),
        ("nowhere.py", "", "2"),
        ("$(touch hacked)\n--help", "", "2"),
    ],
)
def test_the_action_reads_and_reports(
    action: dict[str, Any], tmp_path: Path, paths: str, arguments: str, status: str
) -> None:
    (tmp_path / "a program.py").write_bytes(BROKEN)
    (tmp_path / "sound.py").write_text("import tensorflow\n")
    (tmp_path / "old.py").write_text("import tensorflow\nprint 'old'\n")
    regrad = executable(tmp_path / "regrad", REGRAD)
    environment = runner(tmp_path, PATHS=paths, ARGUMENTS=arguments, SARIF="regrad.sarif", REGRAD=str(regrad))
    ran = bash(step(action, "Read the programs")["run"], tmp_path, environment)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "output").read_text() == f"status={status}\n"
    assert not (tmp_path / "hacked").exists()
    if status == "2":
        assert not (tmp_path / "regrad.sarif").exists()
        return
    results = json.loads((tmp_path / "regrad.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert len(results) == (status != "0")
    assert ("file=a program.py,line=10" in ran.stdout) == (status != "0")


@pytest.mark.parametrize(
    ("status", "fail", "judged"),
    [("0", "true", 0), ("1", "true", 1), ("1", "false", 0), ("2", "false", 2), ("3", "false", 3)],
)
def test_the_action_is_judged(action: dict[str, Any], tmp_path: Path, status: str, fail: str, judged: int) -> None:
    assert bash(step(action, "Judge")["run"], tmp_path, runner(tmp_path, STATUS=status, FAIL=fail)).returncode == judged


def job(template: tuple[dict[str, Any], str], **given: str) -> dict[str, Any]:
    """The job as GitLab makes it of the template and the inputs."""
    inputs, text = template
    values = {name: str(declared.get("default", "")) for name, declared in inputs.items()}
    values |= {"fail_on_findings": str(inputs["fail_on_findings"]["default"]).lower(), **given}
    filled = re.sub(r"\$\[\[ inputs\.(\w+) ]]", lambda found: values[found[1]], text)
    assert "$[[" not in filled
    made: dict[str, Any] = yaml.safe_load(filled)["regrad"]
    return made


def test_the_inputs_of_the_template_are_described_and_used(template: tuple[dict[str, Any], str]) -> None:
    inputs, text = template
    for name, declared in inputs.items():
        assert declared["description"].endswith((".", "`."))
        assert f"$[[ inputs.{name} ]]" in text
        assert f"`{name}`" in GUIDE
    assert "default" not in inputs["source"], "whoever uses it chooses the version"


@pytest.mark.parametrize(
    ("given", "status", "found"),
    [
        ({}, 0, 1),
        ({"fail_on_findings": "true"}, 1, 1),
        ({"arguments": "--ignore RG401", "fail_on_findings": "true"}, 0, 0),
        ({"paths": "nowhere.py"}, 2, None),
    ],
)
def test_the_template_reads_and_reports(
    template: tuple[dict[str, Any], str], tmp_path: Path, given: dict[str, str], status: int, found: int | None
) -> None:
    (tmp_path / "train.py").write_bytes(BROKEN)
    made = job(template, source="git+https://example.org/regrad@v1.2", **given)
    python = executable(tmp_path / "programs" / "python", RECORDER)
    executable(tmp_path / "regrad", REGRAD)
    # After the installation, which is recorded only, regrad is put where pip would have put it.
    lines = [*made["before_script"], f'cp {tmp_path / "regrad"} "$REGRAD_HOME/bin/regrad"', *made["script"]]
    environment = {**os.environ, **made["variables"], "PATH": f"{python.parent}:{os.environ['PATH']}"}
    ran = bash("\n".join(lines), tmp_path, environment)
    assert ran.returncode == status, ran.stderr
    assert ran.stdout.splitlines()[0].endswith("--disable-pip-version-check git+https://example.org/regrad@v1.2")
    report = tmp_path / made["artifacts"]["reports"]["codequality"]
    assert made["artifacts"]["when"] == "always"
    assert report.exists() == (found is not None)
    if found is not None:
        assert len(json.loads(report.read_text(encoding="utf-8"))) == found
