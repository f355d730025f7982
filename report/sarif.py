"""SARIF 2.1.0: for code scanning services. Fixes are replacements; what was proved stands in `properties`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, TextIO
from urllib.parse import quote

import regrad
from regrad.analysis.location import Span
from regrad.codemods.engine import registry
from regrad.codemods.engine.rule import Mending, Safety
from regrad.repair.outcome import FileOutcome, FindingOutcome, Status
from regrad.report.formats import Presentation
from regrad.report.json import evidence_object
from regrad.report.program import fault_in_file, in_file, notebook_of
from regrad.report.rule_pages import help_address, one_line, titled_page
from regrad.report.summary import proof_of
from regrad.report.whereabouts import whereabouts_of

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def write(outcomes: Iterable[FileOutcome], stream: TextIO, presentation: Presentation) -> None:
    json.dump(document(list(outcomes), presentation), stream, indent=2, ensure_ascii=False, allow_nan=False)
    stream.write("\n")


def document(outcomes: list[FileOutcome], presentation: Presentation) -> dict[str, Any]:
    failed = [each for each in outcomes if each.status in (Status.SYNTAX_ERROR, Status.UNREADABLE)]
    names = {each.finding.code: each.finding.name for outcome in outcomes for each in outcome.findings}
    codes = sorted(names)
    results = [
        _result(outcome, each, codes, presentation.is_mended(each)) for outcome in outcomes for each in outcome.findings
    ]
    run = {
        "tool": {
            "driver": {
                "name": "regrad",
                "version": regrad.__version__,
                "semanticVersion": regrad.__version__,
                "rules": [_rule(code, names[code]) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                # Files that could not be read make the analysis incomplete, which is not the same as "no results".
                "executionSuccessful": not failed,
                "toolExecutionNotifications": [_notification(each) for each in failed],
            }
        ],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str, name: str) -> dict[str, Any]:
    """What code scanning shows beside a finding: the page of the rule."""
    described: dict[str, Any] = {"id": code, "name": name}
    rule = next((each for each in registry.rules() if each.code == code), None)
    if rule is None:
        return described
    page = registry.page(rule)
    whole = titled_page(rule, page)
    described["shortDescription"] = {"text": one_line(rule, page)}
    described["fullDescription"] = {"text": one_line(rule, page)}
    described["help"] = {"text": whole, "markdown": whole}
    address = help_address(code, page)
    return described if address is None else {**described, "helpUri": address}


def _notification(outcome: FileOutcome) -> dict[str, Any]:
    fault = fault_in_file(outcome)
    return {
        "level": "error",
        "message": {"text": outcome.message or outcome.status.value},
        "descriptor": {"id": outcome.status.value},
        "locations": [
            {
                "physicalLocation": _physical(outcome.path, Span(fault, fault))
                if fault
                else {"artifactLocation": _artifact(outcome.path)}
            }
        ],
    }


def _result(file: FileOutcome, outcome: FindingOutcome, codes: list[str], mended: bool) -> dict[str, Any]:
    finding = outcome.finding
    notebook = notebook_of(file)
    span, message = in_file(finding.location.span, finding.message, notebook)
    proof = proof_of(file, outcome)
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": "note" if mended else "warning",
        "message": {"text": message},
        "locations": [{"physicalLocation": _physical(finding.location.path or file.path, span)}],
        "properties": {
            "decision": outcome.decision.value,
            "cut": finding.cut.value if finding.cut else None,
            "variables": list(finding.variables),
            "verdict": proof.verdict.value if proof else None,
            "verification": evidence_object(proof, *whereabouts_of(file)) if proof else None,
        },
    }
    if finding.related:
        result["relatedLocations"] = [
            {"physicalLocation": _physical(each.location.path or file.path, there), "message": {"text": words}}
            for each in finding.related
            for there, words in [in_file(each.location.span, each.message, notebook)]
        ]
    fixes = [_fix(mending, file.path) for mending in outcome.mendings if _replaces(mending)]
    if fixes and not mended and notebook is None:
        # A notebook's lines are those of its program, not of the JSON text that a replacement would be made in.
        result["fixes"] = fixes
    return result


def _replaces(mending: Mending) -> bool:
    return mending.safety is not Safety.DISPLAY_ONLY and bool(mending.edits)


def _fix(mending: Mending, path: str) -> dict[str, Any]:
    paths = list(dict.fromkeys(edit.path or path for edit in mending.edits))
    return {
        "description": {"text": mending.title},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(each),
                "replacements": [
                    {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
                    for edit in mending.edits
                    if (edit.path or path) == each
                ],
            }
            for each in paths
        ],
    }


def _physical(path: str, span: Span) -> dict[str, Any]:
    return {"artifactLocation": _artifact(path), "region": _region(span)}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.start.line,
        "startColumn": span.start.column,
        "endLine": span.end.line,
        "endColumn": span.end.column,
    }


def _artifact(path: str) -> dict[str, str]:
    pure = PurePath(path)
    return {"uri": pure.as_uri() if pure.is_absolute() else quote(pure.as_posix(), errors="replace")}
