"""Places that a run named: other files with their names, notebooks by cell, and no marker of ours in a diff."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from regrad.analysis.cut import Cut, CutKind
from regrad.analysis.location import Location, Position, Span
from regrad.analysis.source import decode
from regrad.migrate.results import FileResult
from regrad.repair.outcome import FileOutcome
from regrad.report import page_file, pull_request
from regrad.report.diff_lines import diff_lines
from regrad.report.formats import OutputFormat, Presentation, writer
from regrad.report.json import evidence_object, file_object
from regrad.report.whereabouts import RAISED, Whereabouts, whereabouts_of
from regrad.verify.evidence import Place, StepReport

from . import samples

LINE = 6
"""Of the notebook's program: the second line of its fourth cell."""


def notebook(last: str) -> bytes:
    def cell(kind: str, source: str) -> dict[str, object]:
        return {"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True)}

    cells = [cell("markdown", "# Title"), cell("code", "%matplotlib inline\nimport keras"), cell("markdown", "Text")]
    document = {"cells": [*cells, cell("code", f"!ls\n{last}")], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document).encode()


def proved_in_a_notebook() -> FileOutcome:
    path = "train.ipynb"
    cut = Cut(CutKind.BEFORE_TAPE, Location(path, Span(Position(LINE, 1), Position(LINE, 6))), "MatMul", ())
    step = replace(
        samples.STEP_BEFORE,
        exception="ValueError: no",
        exception_line=LINE,
        cuts=(cut,),
        places=(Place("the model is compiled here", path, LINE - 1),),
    )
    finding = replace(samples.FINDING, location=samples.location(LINE, 1, 6, path), related=())
    outcome = replace(samples.PROVED.findings[0], finding=finding)
    return replace(
        samples.PROVED,
        path=path,
        findings=(outcome,),
        evidence=replace(samples.EVIDENCE, before=step),
        before=notebook("x = 1"),
        after=notebook("x = 2"),
    )


def drawn(outcome: FileOutcome) -> str:
    stream = io.StringIO()
    writer(OutputFormat.TEXT)([outcome], stream, Presentation(fixing=True, targets=(outcome.path,)))
    return stream.getvalue()


def test_the_text_tells_cells_and_shows_what_the_author_wrote() -> None:
    text = drawn(proved_in_a_notebook())
    assert "ValueError: no (cell 4, line 2)" in text
    assert "the path ends at cell 4, line 2" in text
    assert "look at cell 4, line 1: the model is compiled here" in text
    assert "1 │ !ls" in text
    assert "regrad:" not in text


def test_the_diff_of_a_notebook_is_that_of_its_cells() -> None:
    lines = diff_lines(proved_in_a_notebook())
    assert lines[:2] == ["--- train.ipynb, cell 4", "+++ train.ipynb, cell 4"]
    assert lines[2:] == ["@@ -1,2 +1,2 @@", " !ls", "-x = 1", "+x = 2"]


def test_the_pull_request_tells_cells() -> None:
    text = "\n".join(pull_request._file(FileResult("one", proved_in_a_notebook())))
    assert "**RG401 forward-outside-tape** (cell 4, line 2)" in text
    assert "ValueError: no (cell 4, line 2)" in text


def test_json_tells_cells() -> None:
    step = evidence_object(samples.EVIDENCE)["before"]
    assert (step["exception_line"], step["exception_cell"]) == (samples.STEP_BEFORE.exception_line, None)
    file = file_object(proved_in_a_notebook())
    step = file["verification"]["before"]
    assert (step["exception_cell"], step["exception_line"]) == (4, 2)
    assert (step["cuts"][0]["cell"], step["cuts"][0]["line"]) == (4, 2)
    assert (step["places"][0]["cell"], step["places"][0]["line"]) == (4, 1)


def test_the_page_of_a_migration_tells_cells() -> None:
    page = ElementTree.tostring(page_file.file_block(FileResult("one", proved_in_a_notebook())), "unicode")
    assert "the path ends at cell 4, line 2" in page
    assert "regrad:" not in page


def test_the_step_after_is_told_by_the_cells_after() -> None:
    outcome = proved_in_a_notebook()
    longer = json.loads(outcome.before or b"")
    longer["cells"][1]["source"] += ["\n", "import numpy"]
    before, after = whereabouts_of(replace(outcome, after=json.dumps(longer).encode()))
    assert before.line(outcome.path, LINE) == "cell 4, line 2"
    assert after.line(outcome.path, LINE) == "cell 4, line 1"


@pytest.mark.parametrize("named", ["pkg/model.py", "{folder}/pkg/model.py"])
def test_a_line_of_another_file_has_its_name(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = Whereabouts("train.py")
    assert here.line(named.format(folder=tmp_path), 6) == "line 6 of pkg/model.py"
    assert here.line(str(tmp_path / "train.py"), 6) == "line 6"
    assert here.line("", 6) == "line 6"


def test_a_line_outside_of_this_folder_has_its_whole_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert Whereabouts("train.py").line(str(tmp_path / "model.py"), 6) == f"line 6 of {tmp_path / 'model.py'}"


def test_an_exception_in_another_file_is_told_with_its_name() -> None:
    step = StepReport(samples.STEP_BEFORE.outcome, exception_line=3, places=(Place(RAISED, "model.py", 3),))
    assert Whereabouts("train.py").exception(step) == "line 3 of model.py"
    assert Whereabouts("model.py").exception(step) == "line 3"
    assert Whereabouts("train.py").exception(replace(step, exception_line=None)) is None


def test_the_words_for_an_exception_are_those_of_the_worker() -> None:
    worker = Path(__file__).resolve().parents[2] / "verify" / "worker" / "places.py"
    assert f'"{RAISED}"' in worker.read_text(encoding="utf-8")


def test_the_line_of_the_sample_is_where_it_says() -> None:
    assert decode("train.ipynb", notebook("x = 1")).cell_at(LINE) == (3, 2)
