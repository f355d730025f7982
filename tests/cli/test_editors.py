"""The editor files: that each reads what `--output-format concise` writes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

EDITORS = Path(__file__).resolve().parents[2] / "editors"
LINE = "train.py:12:5: RG401 The forward pass runs before the tape records. [can be mended]"


def test_the_problem_matcher_of_vs_code_reads_a_finding() -> None:
    tasks = json.loads((EDITORS / "vscode" / "tasks.json").read_text(encoding="utf-8"))["tasks"]
    pattern = tasks[0]["problemMatcher"]["pattern"]
    match = re.match(pattern["regexp"], LINE)
    assert match is not None
    groups = {key: match[pattern[key]] for key in ("file", "line", "column", "code", "message")}
    assert groups["message"].startswith("The forward pass")
    assert (groups["file"], groups["line"], groups["column"], groups["code"]) == ("train.py", "12", "5", "RG401")


def test_the_output_filter_of_pycharm_reads_a_finding() -> None:
    root = ElementTree.parse(EDITORS / "pycharm" / "regrad.xml").getroot()
    expression = next(option.get("value", "") for option in root.iter("option") if option.get("name") == "REGEXP")
    # What the IDE puts in the place of its macros.
    for macro, regexp in (("$FILE_PATH$", r"(.+?)"), ("$LINE$", r"(\d+)"), ("$COLUMN$", r"(\d+)")):
        expression = expression.replace(macro, regexp)
    match = re.match(expression, LINE)
    assert match is not None
    assert match.groups() == ("train.py", "12", "5")


def test_every_command_of_the_editor_files_exists() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in EDITORS.rglob("*") if path.is_file())
    commands = set(re.findall(r"(?:regrad|%s|value=\")\\? ?(check|fix|verify)\b", text))
    assert commands == {"check", "fix"}


@pytest.mark.skipif(shutil.which("vim") is None, reason="Vim is not installed")
def test_vim_jumps_to_the_finding(tmp_path: Path) -> None:
    runtime = tmp_path / "vim"
    shutil.copytree(EDITORS / "vim", runtime)
    (tmp_path / "findings.txt").write_text(LINE + "\n", encoding="utf-8")
    script = f"""
set nocompatible
set runtimepath^={runtime}
compiler regrad
cgetfile findings.txt
let found = getqflist()[0]
call writefile([bufname(found.bufnr), found.lnum, found.col, found.text, &makeprg], 'seen.txt')
qall!
"""
    (tmp_path / "script.vim").write_text(script, encoding="utf-8")
    subprocess.run(
        ["vim", "-u", "NONE", "-N", "-es", "-S", "script.vim"],
        cwd=tmp_path,
        timeout=30,
        check=False,
        capture_output=True,
    )
    seen = (tmp_path / "seen.txt").read_text(encoding="utf-8").splitlines()
    assert seen[:3] == ["train.py", "12", "5"]
    assert seen[3].startswith("RG401 The forward pass")
    assert seen[4] == "regrad check --output-format concise %:S"
