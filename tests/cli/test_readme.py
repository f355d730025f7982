"""The README: its commands run as they stand there, and what it says about the programs of the first minute is true."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from regrad.codemods.engine.registry import rules

from .console_script import Script

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICKSTART = Path("fixtures/quickstart")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The programs alone, so that nothing of the repository can be changed by a command."""
    shutil.copytree(ROOT / QUICKSTART, tmp_path / QUICKSTART)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines_of_blocks(language: str) -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [line for found, block in blocks if found == language for line in block.splitlines()]


def commands() -> list[str]:
    return [line for line in lines_of_blocks("sh") if line.startswith("regrad ")]


def test_there_is_a_command_to_try() -> None:
    assert len(commands()) == 1


@pytest.mark.tensorflow
def test_the_first_command_does_what_the_readme_shows(script: Script, checkout: Path) -> None:
    ran = script(*shlex.split(commands()[0])[1:])
    assert ran.status == 1
    assert "+        predictions = model(x_train, training=True)" in ran.stdout
    assert "  mended: " in ran.stderr
    drawn = {line.rstrip() for line in ran.stderr.splitlines()}
    shown = lines_of_blocks("")
    assert len(shown) > 10
    # The figures of a gradient may differ in their last digit from machine to machine.
    missing = [line for line in shown if line.rstrip() not in drawn and " flows " not in line and "loss: " not in line]
    assert missing == []


def test_every_program_that_it_names_is_there() -> None:
    named = set(re.findall(r"^\| `(\w+\.py)`", README, re.MULTILINE)) | {Path(commands()[0].split()[-1]).name}
    assert named == {path.name for path in (ROOT / QUICKSTART).glob("*.py")}


@pytest.mark.tensorflow
def test_the_broken_programs_are_mended_and_proved_and_the_correct_one_is_left(script: Script, checkout: Path) -> None:
    ran = script("fix", "--require-verified", "--unsafe-fixes", "--output-format", "json", str(QUICKSTART))
    assert ran.status == 0, ran
    files = {Path(file["path"]).name: file for file in json.loads(ran.stdout)["files"]}
    correct = files.pop("linear_regression.py")
    assert correct["findings"] == []
    assert len(files) == 4
    for name, file in files.items():
        assert (file["written"], file["verification"]["verdict"], file["verification"]["data"]) == (
            True,
            "mended",
            "synthetic",
        ), name
    changed = {path.name for path in QUICKSTART.iterdir() if path.read_bytes() != (ROOT / path).read_bytes()}
    assert changed == set(files)
    assert script("check", str(QUICKSTART)).status == 0


def test_what_changes_the_meaning_waits_for_unsafe_fixes(script: Script, checkout: Path) -> None:
    ran = script("fix", "--no-verify", "--output-format", "json", str(QUICKSTART))
    waiting = [
        Path(file["path"]).name
        for file in json.loads(ran.stdout)["files"]
        for finding in file["findings"]
        if finding["decision"] == "needs-unsafe"
    ]
    assert (ran.status, waiting) == (1, ["frozen_classifier.py"])


@pytest.mark.tensorflow
def test_the_correct_program_is_sound(script: Script, checkout: Path) -> None:
    path = QUICKSTART / "linear_regression.py"
    ran = script("verify", str(path))
    assert ran.status == 0
    assert ran.stdout.startswith(f"{path}: Gradients reach all 2 variables.\n")


def test_every_link_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_site_has_the_page_of_every_rule_as_it_is_explained(script: Script, tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the site is built with mkdocs-material")
    site = tmp_path / "site"
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(site)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    causes = (
        (site / "causes" / "index.html").read_text(encoding="utf-8").partition("<article")[2].partition("</article")[0]
    )
    assert 'href="../rules/RG401/"' in causes
    for rule in rules():
        page = (site / "rules" / rule.code / "index.html").read_text(encoding="utf-8")
        explained = script("explain", rule.code).stdout
        assert f'href="../rules/{rule.code}/"' in causes or rule.code not in causes
        for heading in re.findall(r"^(.+)\n-{4,}$", explained, re.MULTILINE):
            assert f">{heading}<" in page, f"{rule.code}: {heading}"
