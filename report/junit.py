"""JUnit XML, as Jenkins and most build servers read it: a suite for each file, a case for each finding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO
from xml.etree import ElementTree

from regrad.repair.outcome import FileOutcome, FindingOutcome, Status
from regrad.report.formats import Presentation
from regrad.report.program import fault_text, notebook_of, place_text


def write(outcomes: Iterable[FileOutcome], stream: TextIO, presentation: Presentation) -> None:
    suites = [_suite(outcome, presentation) for outcome in outcomes]
    root = ElementTree.Element(
        "testsuites",
        name="regrad",
        tests=str(sum(int(suite.get("tests", "0")) for suite in suites)),
        failures=str(sum(int(suite.get("failures", "0")) for suite in suites)),
        errors=str(sum(int(suite.get("errors", "0")) for suite in suites)),
    )
    root.extend(suites)
    ElementTree.indent(root)
    stream.write('<?xml version="1.0" encoding="utf-8"?>\n')
    stream.write(ElementTree.tostring(root, encoding="unicode") + "\n")


def _suite(outcome: FileOutcome, presentation: Presentation) -> ElementTree.Element:
    remaining = [each for each in outcome.findings if not presentation.is_mended(each)]
    failed = outcome.status in (Status.SYNTAX_ERROR, Status.UNREADABLE)
    suite = ElementTree.Element(
        "testsuite",
        name=_xml(outcome.path),
        tests=str(max(len(outcome.findings), 1)),
        failures=str(len(remaining)),
        errors=str(int(failed)),
        skipped=str(int(outcome.status is Status.SKIPPED)),
    )
    if failed:
        _case(suite, outcome.path, outcome.status.value, "error", _told(outcome))
    elif outcome.status is Status.SKIPPED:
        _case(suite, outcome.path, "skipped", "skipped", outcome.message or "")
    elif not outcome.findings:
        _case(suite, outcome.path, "regrad")
    for each in outcome.findings:
        _finding(suite, outcome, each, presentation)
    return suite


def _told(outcome: FileOutcome) -> str:
    message = outcome.message or "could not be read"
    return message if outcome.fault is None else f"{fault_text(outcome)}: {message}"


def _finding(
    suite: ElementTree.Element, file: FileOutcome, outcome: FindingOutcome, presentation: Presentation
) -> None:
    finding = outcome.finding
    where = place_text(finding.location.path or file.path, finding.location.span.start, notebook_of(file))
    name = f"{finding.code} {finding.name} at {where}"
    if presentation.is_mended(outcome):
        _case(suite, file.path, name)
    else:
        _case(suite, file.path, name, "failure", finding.message, f"{where}: {finding.code} {finding.message}")


def _case(
    suite: ElementTree.Element, path: str, name: str, kind: str | None = None, message: str = "", text: str = ""
) -> None:
    case = ElementTree.SubElement(suite, "testcase", name=_xml(name), classname=_xml(path))
    if kind is not None:
        element = ElementTree.SubElement(case, kind, message=_xml(message))
        element.text = _xml(text) or None


def _xml(text: str) -> str:
    """XML 1.0 has no form, escaped or not, for most control characters and for lone surrogates."""
    return "".join(character if _is_xml(ord(character)) else "\N{REPLACEMENT CHARACTER}" for character in text)


def _is_xml(code: int) -> bool:
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
