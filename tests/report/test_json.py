"""The JSON report has the shape that DESIGN §4 promises, whatever the run showed."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from typing import Any

from regrad.repair.outcome import Decision
from regrad.report.formats import OutputFormat, Presentation, writer

from . import samples


def written(*outcomes: Any) -> Any:
    stream = io.StringIO()
    writer(OutputFormat.JSON)(outcomes, stream, Presentation())
    return json.loads(stream.getvalue(), parse_constant=lambda word: (_ for _ in ()).throw(ValueError(word)))


def test_a_mended_file_has_every_promised_key() -> None:
    document = written(samples.PROVED)
    assert document["version"] == 1
    (file,) = document["files"]
    assert (file["path"], file["status"], file["message"]) == ("train.py", "ok", None)
    (finding,) = file["findings"]
    assert finding["code"] == "RG401"
    assert finding["name"] == "forward-outside-tape"
    assert finding["cell"] is None
    assert finding["start"] == {"line": 6, "column": 1}
    assert finding["end"] == {"line": 6, "column": 22}
    assert finding["variables"] == ["dense/kernel", "dense/bias"]
    assert finding["related"][0]["line"] == 7
    assert finding["related"][0]["message"]
    assert finding["fix"]["safety"] == "safe"
    assert finding["fix"]["applied"] is True
    assert finding["fix"]["edits"][1]["text"] == "    prediction = model(x)\n"
    assert finding["fix"]["edits"][0]["end"] == {"line": 7, "column": 1}
    verification = file["verification"]
    assert (verification["verdict"], verification["data"]) == ("mended", "synthetic")
    assert verification["supplied"] == ["X_train: 8 x 10 float32"]
    before = verification["before"]
    assert before["outcome"].startswith("ValueError: No gradients")
    assert before["cuts"][0]["line"] == 6
    assert before["cuts"][0]["kind"] == "before-tape"
    assert before["cuts"][0]["operation"] == "MatMul"
    assert before["variables"][0]["gradient"] == "none"
    assert verification["after"]["variables"][0]["gradient"] == "flows"
    assert verification["after"]["variables"][0]["norm"] == 1.25
    assert document["summary"].items() >= {"files": 1, "findings": 1, "fixable": 1, "fixed": 1, "verified": 1}.items()


def test_a_withheld_mending_says_why() -> None:
    (file,) = written(samples.with_finding(mendings=(), withheld=samples.WITHHELD))["files"]
    finding = file["findings"][0]
    assert finding["fix"] is None
    assert finding["withheld"]["reason"] == samples.WITHHELD.reason
    assert finding["candidates"] == []


def test_all_candidates_are_listed_and_the_first_is_the_fix() -> None:
    outcome = samples.with_finding(mendings=(samples.MENDING, samples.UNSAFE), decision=Decision.AMBIGUOUS)
    finding = written(outcome)["files"][0]["findings"][0]
    assert [each["safety"] for each in finding["candidates"]] == ["safe", "unsafe"]
    assert finding["fix"]["title"] == samples.MENDING.title
    assert finding["fix"]["applied"] is False
    assert finding["decision"] == "ambiguous"


def test_what_is_not_a_number_is_valid_json() -> None:
    step = dataclasses.replace(samples.STEP_BEFORE, loss=math.nan)
    outcome = dataclasses.replace(samples.PROVED, evidence=dataclasses.replace(samples.EVIDENCE, before=step))
    before = written(outcome)["files"][0]["verification"]["before"]
    assert before["loss"] is None
    assert before["loss_text"] == "nan"


def test_files_that_could_not_be_read_are_in_the_report() -> None:
    document = written(samples.BROKEN, samples.MISENCODED, samples.SKIPPED)
    assert [file["status"] for file in document["files"]] == ["syntax-error", "unreadable", "skipped"]
    assert "line 3" in document["files"][0]["message"]
    assert document["summary"]["findings"] == 0
    assert document["summary"]["not_analysed"] == 2


def test_in_a_notebook_the_places_are_those_of_the_cell() -> None:
    outcome = samples.in_notebook()
    found = written(outcome)["files"][0]["findings"][0]
    assert found["cell"] == 2
    assert found["start"] == {"line": 2, "column": 1}
