"""The JSON report against its schema in the documentation: every key and every value is described there."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from regrad.analysis.cut import CutKind
from regrad.repair.outcome import Decision, FileOutcome, Status
from regrad.report.formats import OutputFormat, Presentation, writer
from regrad.verify.evidence import Gradient, Outcome, Symptom, Verdict

from . import samples

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "report.schema.json").read_text(encoding="utf-8"))
WITHHELD = samples.with_finding(mendings=(), withheld=samples.WITHHELD)
NOT_A_NUMBER = dataclasses.replace(
    samples.PROVED,
    evidence=dataclasses.replace(samples.EVIDENCE, before=dataclasses.replace(samples.STEP_BEFORE, loss=math.nan)),
)
OUTCOMES = {
    "nothing found": samples.CLEAN,
    "found": samples.CHECKED,
    "mended and proved": samples.PROVED,
    "several candidates": samples.with_finding(mendings=(samples.MENDING, samples.UNSAFE), decision=Decision.AMBIGUOUS),
    "withheld": WITHHELD,
    "in a notebook": samples.in_notebook(),
    "not Python": samples.BROKEN,
    "not text": samples.MISENCODED,
    "skipped": samples.SKIPPED,
    "not a number": NOT_A_NUMBER,
}


def closed(schema: Any) -> Any:
    """The same schema where a key that it does not describe is a fault."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {**inner, "additionalProperties": False} if inner.get("type") == "object" else inner


def written(*outcomes: FileOutcome) -> Any:
    stream = io.StringIO()
    writer(OutputFormat.JSON)(outcomes, stream, Presentation())
    return json.loads(stream.getvalue())


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_report_is_what_the_schema_says_and_has_no_undescribed_key(name: str) -> None:
    Draft202012Validator(closed(SCHEMA)).validate(written(OUTCOMES[name]))


@pytest.mark.parametrize(
    "break_it",
    [
        lambda report: report.pop("summary"),
        lambda report: report["files"][0].update(status="fine"),
        lambda report: report["files"][0]["findings"][0]["start"].pop("line"),
        lambda report: report["files"][0]["verification"].update(verdict="good"),
        lambda report: report["files"][0].update(undescribed=1),
    ],
)
def test_what_breaks_the_promise_is_refused(break_it: Any) -> None:
    report = written(samples.PROVED)
    break_it(report)
    with pytest.raises(ValidationError):
        Draft202012Validator(closed(SCHEMA)).validate(report)


@pytest.mark.parametrize(
    ("values", "place"),
    [
        (CutKind, ("kind", "enum")),
        (Status, ("file", "properties", "status", "enum")),
        (Decision, ("finding", "properties", "decision", "enum")),
        (Verdict, ("verification", "properties", "verdict", "enum")),
        (Gradient, ("variable", "properties", "gradient", "enum")),
        (Outcome, ("step", "properties", "ended", "enum")),
        (Symptom, ("step", "properties", "symptoms", "items", "enum")),
    ],
)
def test_every_value_that_may_come_is_listed(values: type[Enum], place: tuple[str, ...]) -> None:
    listed = SCHEMA["$defs"]
    for step in place:
        listed = listed[step]
    assert sorted(listed) == sorted(each.value for each in values)
