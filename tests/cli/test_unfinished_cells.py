"""A cell of a notebook that is no Python yet: the others are read and mended, and it is said which was passed over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .console_script import Script
from .test_end_to_end import BROKEN

UNFINISHED = "%matplotlib inline\nfor epoch in range(3\n    !ls\n\tprint(epoch)"


def notebook(*sources: str) -> str:
    cells = [{"cell_type": "code", "metadata": {}, "source": source.splitlines(keepends=True)} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("train.ipynb")


@pytest.mark.parametrize("sources", [(UNFINISHED, BROKEN), (BROKEN, UNFINISHED), (UNFINISHED, "", BROKEN, "x = = 1")])
def test_the_other_cells_are_read(sources: tuple[str, ...], path: Path, script: Script) -> None:
    path.write_text(notebook(*sources))
    ran = script("check", str(path))
    assert ran.status == 3
    assert "RG401" in ran.stdout
    place = sources.index(UNFINISHED) + 1
    assert f"not valid Python at cell {place}, line 2: " in ran.stdout
    assert ran.stdout.count("the cell was passed over") == sum("= =" in each or each is UNFINISHED for each in sources)
    lines = script("check", "--output-format", "concise", str(path)).stdout.splitlines()
    assert any(line.startswith(f"train.ipynb:cell {place}:2:") and "syntax-error" in line for line in lines)
    (file,) = json.loads(script("check", "--output-format", "json", str(path)).stdout)["files"]
    assert (file["status"], file["fault"]["cell"], len(file["findings"])) == ("ok", place, 1)


def test_the_others_are_mended_and_it_stays_as_it_is(path: Path, script: Script) -> None:
    path.write_text(notebook(UNFINISHED, BROKEN))
    assert script("fix", "--no-verify", str(path)).status == 3
    first, second = ("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"])
    assert first == UNFINISHED
    assert second != BROKEN


def test_a_notebook_without_a_cell_of_python_is_not_analysed(path: Path, script: Script) -> None:
    path.write_text(notebook("# tensorflow", UNFINISHED))
    ran = script("check", str(path))
    assert ran.status == 3
    assert "train.ipynb:cell 2:2:" in ran.stdout


def test_it_is_told_also_where_nothing_mentions_tensorflow(path: Path, script: Script) -> None:
    path.write_text(notebook("x = 1", UNFINISHED))
    ran = script("check", str(path))
    assert ran.status == 3
    assert "not valid Python at cell 2, line 2" in ran.stdout
