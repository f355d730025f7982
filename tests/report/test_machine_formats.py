"""SARIF, rdjson, JUnit, GitHub, GitLab and the concise lines: read back by the readers that exist for them."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from typing import Any

import pytest
from regrad.repair.outcome import Decision, FileOutcome
from regrad.report.formats import OutputFormat, Presentation, writer

from . import samples

ALL = (
    samples.CHECKED,
    samples.PROVED,
    samples.BROKEN,
    samples.MISENCODED,
    samples.SKIPPED,
    samples.CLEAN,
    samples.with_finding(mendings=(samples.UNSAFE,), decision=Decision.NEEDS_UNSAFE),
)


def written(output_format: OutputFormat, *outcomes: FileOutcome, preview: bool = False) -> str:
    stream = io.StringIO()
    writer(output_format)(outcomes, stream, Presentation(preview=preview))
    return stream.getvalue()


@pytest.mark.parametrize("output_format", list(OutputFormat))
def test_every_format_can_say_that_there_is_nothing(output_format: OutputFormat) -> None:
    text = written(output_format)
    if output_format in (OutputFormat.JSON, OutputFormat.SARIF, OutputFormat.GITLAB, OutputFormat.RDJSON):
        json.loads(text)


def test_sarif_is_read_by_a_model_of_the_standard() -> None:
    from sarif_pydantic import Sarif

    text = written(OutputFormat.SARIF, *ALL)
    log = Sarif.model_validate_json(text)
    run = log.runs[0]
    assert [result.rule_id for result in run.results or ()] == ["RG401"] * 3
    document = json.loads(text)["runs"][0]
    assert document["results"][1]["properties"]["verdict"] == "mended"
    assert document["results"][0]["fixes"][0]["artifactChanges"][0]["replacements"][0]["deletedRegion"]["endLine"] == 7
    assert "fixes" not in document["results"][1], "what is already applied must not be offered again"
    assert document["invocations"][0]["executionSuccessful"] is False
    assert len(document["invocations"][0]["toolExecutionNotifications"]) == 2


def test_sarif_regions_are_one_based_and_end_after_the_last_character() -> None:
    region = json.loads(written(OutputFormat.SARIF, samples.CHECKED))["runs"][0]["results"][0]["locations"][0]
    assert region["physicalLocation"]["region"] == {"startLine": 6, "startColumn": 1, "endLine": 6, "endColumn": 22}


def test_junit_is_read_by_junitparser() -> None:
    from junitparser import Failure, JUnitXml, TestSuite

    suites = JUnitXml.fromstring(written(OutputFormat.JUNIT, *ALL).encode())
    assert (suites.tests, suites.failures, suites.errors) == (7, 2, 2)
    checked = next(iter(suites))
    assert isinstance(checked, TestSuite)
    (case,) = list(checked)
    assert isinstance(case.result[0], Failure)
    assert case.result[0].message == samples.FINDING.message


def test_junit_survives_what_xml_cannot_hold() -> None:
    from junitparser import JUnitXml

    finding = dataclasses.replace(samples.FINDING, message="bad \x00\x1b[31m \ud800 <&\"'> text")
    text = written(OutputFormat.JUNIT, samples.with_finding(finding=finding))
    assert "<&\"'> text" in str(next(iter(next(iter(JUnitXml.fromstring(text.encode()))))).result[0].message)


def rdjson(*outcomes: FileOutcome) -> list[dict[str, Any]]:
    diagnostics: list[dict[str, Any]] = json.loads(written(OutputFormat.RDJSON, *outcomes))["diagnostics"]
    return diagnostics


def test_rdjson_suggests_only_what_one_replacement_can_do() -> None:
    of_two_edits, of_one = rdjson(
        samples.CHECKED, samples.with_finding(mendings=(samples.UNSAFE,), decision=Decision.NEEDS_UNSAFE)
    )
    assert of_two_edits["suggestions"] == []
    assert [each["text"] for each in of_one["suggestions"]] == ["pass"]
    assert of_one["location"]["range"]["start"] == {"line": 6, "column": 1}


def test_rdjson_counts_columns_in_bytes() -> None:
    content = "é = 1; x = 2\n".encode()
    finding = dataclasses.replace(samples.FINDING, location=samples.location(1, 8, 9), related=())
    outcome = dataclasses.replace(samples.with_finding(finding=finding), before=content, after=content)
    assert rdjson(outcome)[0]["location"]["range"]["start"] == {"line": 1, "column": 9}


def test_gitlab_has_the_fields_that_the_merge_request_needs_and_no_fingerprint_twice() -> None:
    twice = dataclasses.replace(samples.CHECKED, findings=samples.CHECKED.findings * 2)
    issues = json.loads(written(OutputFormat.GITLAB, twice, samples.BROKEN))
    assert len(issues) == 3
    assert len({issue["fingerprint"] for issue in issues}) == 3
    for issue in issues:
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["description"] and issue["check_name"]
        assert not issue["location"]["path"].startswith(("./", "/"))
        assert issue["location"]["lines"]["begin"] >= 1


def test_gitlab_keeps_the_fingerprint_when_the_finding_moves() -> None:
    moved = dataclasses.replace(samples.FINDING, location=samples.location(60, 1, 22))
    first, second = (
        json.loads(written(OutputFormat.GITLAB, outcome))[0]
        for outcome in (samples.CHECKED, samples.with_finding(finding=moved))
    )
    assert first["fingerprint"] == second["fingerprint"]
    assert first["location"] != second["location"]


def test_github_commands_are_one_line_each_and_escaped() -> None:
    finding = dataclasses.replace(samples.FINDING, message="first\nsecond: 100%, done")
    path = dataclasses.replace(samples.with_finding(finding=finding), path="a,b.py")
    lines = written(OutputFormat.GITHUB, path, samples.MISENCODED).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("::error file=train.py,line=6,endLine=6,col=1,endColumn=21,title=RG401")
    assert lines[0].endswith("::first%0Asecond: 100%25, done")


MENDED_AND_NOT = {
    OutputFormat.GITHUB: ("::notice ", "::error "),
    OutputFormat.GITLAB: ('"severity": "info"', '"severity": "major"'),
    OutputFormat.RDJSON: ('"severity": "INFO"', '"suggestions":'),
    OutputFormat.SARIF: ('"level": "note"', '"level": "warning"'),
    OutputFormat.JUNIT: ('failures="0"', 'failures="1"'),
    OutputFormat.CONCISE: ("[mended]", "[would be mended]"),
}


@pytest.mark.parametrize(("output_format", "signs"), MENDED_AND_NOT.items())
def test_a_preview_mends_nothing(output_format: OutputFormat, signs: tuple[str, str]) -> None:
    mended, standing = signs
    done, shown = (written(output_format, samples.PROVED, preview=preview) for preview in (False, True))
    assert mended in done and standing not in done
    assert standing in shown and mended not in shown


def test_concise_is_one_parsable_line_for_each_finding() -> None:
    finding = dataclasses.replace(samples.FINDING, message="first\r\n  second")
    lines = written(OutputFormat.CONCISE, samples.with_finding(finding=finding), samples.BROKEN).splitlines()
    shape = re.compile(r"(?P<path>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<code>\S+) (?P<message>.+)")
    matches = [shape.fullmatch(line) for line in lines]
    assert all(matches)
    assert matches[0] is not None
    assert matches[0]["code"] == "RG401"
    assert matches[0]["message"] == "first second [can be mended]"


@pytest.mark.parametrize(
    "output_format",
    [OutputFormat.GITHUB, OutputFormat.GITLAB, OutputFormat.RDJSON, OutputFormat.SARIF, OutputFormat.CONCISE],
)
def test_in_a_notebook_the_cell_is_named(output_format: OutputFormat) -> None:
    outcome = samples.in_notebook()
    text = written(output_format, outcome)
    assert "cell 2, line 2: " in text or "train.ipynb:cell 2:2:1: " in text
    if output_format is OutputFormat.SARIF:
        assert "fixes" not in json.loads(text)["runs"][0]["results"][0]


def test_sarif_has_the_page_of_each_rule() -> None:
    (rule,) = json.loads(written(OutputFormat.SARIF, samples.CHECKED))["runs"][0]["tool"]["driver"]["rules"]
    assert (rule["id"], rule["name"]) == ("RG401", "forward-outside-tape")
    assert rule["shortDescription"]["text"].startswith("The forward pass")
    assert "Why gradients stop" in rule["help"]["text"]
    assert "Why gradients stop" in rule["help"]["markdown"]
    assert rule["helpUri"].startswith("https://")


def test_sarif_names_a_rule_that_is_not_installed() -> None:
    finding = dataclasses.replace(samples.FINDING, code="XX999", name="somebody-elses")
    (run,) = json.loads(written(OutputFormat.SARIF, samples.with_finding(finding=finding)))["runs"]
    assert run["tool"]["driver"]["rules"] == [{"id": "XX999", "name": "somebody-elses"}]
