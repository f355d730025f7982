"""The editor files: that each reads what `regrad` writes, as the editor itself would read it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .console_script import Script
from .test_end_to_end import BROKEN

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


# What IntelliJ puts in the place of its macros (RegexpFilter, intellij-community); `find` is its way to match.
INTELLIJ = {
    "$FILE_PATH$": r"(?P<file>(?:[A-Za-z]\:)?[0-9 a-z_A-Z\-\\./]+)",
    "$LINE$": r"(?P<line>[0-9]+)",
    "$COLUMN$": r"(?P<column>[0-9]+)",
}


def pycharm_tools() -> list[ElementTree.Element]:
    root = ElementTree.parse(EDITORS / "pycharm" / "regrad.xml").getroot()
    assert (root.tag, root.get("name")) == ("toolSet", "regrad")
    return root.findall("tool")


def options_of(element: ElementTree.Element) -> dict[str, str]:
    return {option.get("name", ""): option.get("value", "") for option in element.findall("option")}


def linked(tool: ElementTree.Element, line: str) -> tuple[str, str, str] | None:
    """Where the console of the IDE would lead from this line."""
    (filtering,) = tool.findall("filter")
    expression = options_of(filtering)["REGEXP"]
    for macro, regexp in INTELLIJ.items():
        expression = expression.replace(macro, regexp)
    match = re.search(expression, line, re.MULTILINE)
    return match and (match["file"], match["line"], match["column"])


@pytest.mark.parametrize("place", ["/home/me/my project/train.py", "C:\\me\\train.py", "/srv/train-2.1/a_b.py"])
def test_pycharm_makes_a_link_of_a_finding_whatever_the_tool(place: str) -> None:
    concise, text = f"{place}:12:5: RG401 The forward pass", f"{place}:12:5 RG401 forward-outside-tape"
    for tool in pycharm_tools():
        assert linked(tool, concise) == linked(tool, text) == (place, "12", "5")
        assert linked(tool, f"{place}: rewritten") is None
        assert linked(tool, "1 finding; 1 can be mended: regrad fix --diff train.py") is None


def test_pycharm_hands_over_the_whole_path_and_reads_what_was_written(script: Script, tmp_path: Path) -> None:
    # The IDE finds files by absolute paths only.
    path = tmp_path / "train.py"
    path.write_text(BROKEN)
    tools = {tool.get("name"): tool for tool in pycharm_tools()}
    words: dict[str, list[str]] = {}
    for name, tool in tools.items():
        command = options_of(tool.findall("exec")[0])
        assert (command["COMMAND"], command["WORKING_DIRECTORY"]) == ("regrad", "$ProjectFileDir$")
        words[str(name)] = shlex.split(command["PARAMETERS"].replace("$FilePath$", str(path)))
    assert set(words) == {"regrad check", "regrad fix --diff", "regrad fix"}
    (line, *_) = script(*words["regrad check"]).stdout.splitlines()
    assert linked(tools["regrad check"], line) == (str(path), "6", "18")
    (line, *_) = script(*words["regrad fix --diff"], "--no-verify").stderr.splitlines()
    assert linked(tools["regrad fix --diff"], line) == (str(path), "6", "18")
    # Only the tool that writes makes the IDE look at the files again.
    assert [name for name, tool in tools.items() if tool.get("synchronizeAfterRun") == "true"] == ["regrad fix"]


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
