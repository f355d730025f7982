"""Where a file stops being Python: its line and column in every format, by cell in a notebook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .console_script import Script

TEXT = "import tensorflow as tf\n\nif True:\n    x = (1 +\n"
PLAIN = "x = 1\ny = = 2\n"
"""Mentions no TensorFlow, so it is parsed only since it is named."""


@pytest.fixture(params=["broken.py", "plain.py", "-"])
def broken(request: pytest.FixtureRequest, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text(TEXT)
    (tmp_path / "plain.py").write_text(PLAIN)

    def check(output_format: str) -> tuple[str, str, int, int]:
        arguments = ("check", "--output-format", output_format)
        if request.param == "-":
            ran = script(*arguments, "--stdin-filename", "broken.py", "-", stdin=TEXT.encode())
        else:
            ran = script(*arguments, request.param)
        assert ran.status == 3
        place = ("plain.py", 2, 5) if request.param == "plain.py" else ("broken.py", 4, 9)
        return ran.stdout, *place

    return check


@pytest.mark.parametrize("output_format", ["text", "concise", "junit"])
def test_formats_for_people(output_format: str, broken: Any) -> None:
    said, path, line, column = broken(output_format)
    assert f"{path}:{line}:{column}: " in said


def test_github(broken: Any) -> None:
    said, path, line, column = broken("github")
    assert said.startswith(f"::error file={path},line={line},col={column},")


def test_gitlab(broken: Any) -> None:
    said, path, line, _ = broken("gitlab")
    assert json.loads(said)[0]["location"] == {"path": path, "lines": {"begin": line, "end": line}}


def test_rdjson(broken: Any) -> None:
    said, path, line, column = broken("rdjson")
    (diagnostic,) = json.loads(said)["diagnostics"]
    assert diagnostic["location"]["path"] == path
    assert diagnostic["location"]["range"]["start"] == {"line": line, "column": column}


def test_sarif(broken: Any) -> None:
    said, _, line, column = broken("sarif")
    (notification,) = json.loads(said)["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    region = notification["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"]) == (line, column)


def test_json(broken: Any) -> None:
    said, _, line, column = broken("json")
    assert json.loads(said)["files"][0]["fault"] == {"cell": None, "line": line, "column": column}


def test_a_notebook_is_told_by_cell(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]},
        {"cell_type": "code", "metadata": {}, "source": ["import tensorflow\n", "def f(:\n", "    pass"]},
    ]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "train.ipynb").write_text(json.dumps(document))
    assert "train.ipynb:cell 2:2:7: syntax-error" in script("check", "--output-format", "concise", "train.ipynb").stdout
    found = json.loads(script("check", "--output-format", "json", "train.ipynb").stdout)["files"][0]["fault"]
    assert found == {"cell": 2, "line": 2, "column": 7}
    assert "line=" not in script("check", "--output-format", "github", "train.ipynb").stdout.split("::")[1]
