"""The JSON report: the shape of DESIGN §4 that other programs rely on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, TextIO

from regrad.analysis.cut import Cut
from regrad.analysis.location import Position, Span
from regrad.analysis.source import SourceFile
from regrad.codemods.engine.rule import Mending
from regrad.repair.outcome import Decision, Fault, FileOutcome, FindingOutcome
from regrad.report.formats import Presentation
from regrad.report.program import notebook_of, place
from regrad.report.summary import Summary, summarise
from regrad.report.whereabouts import NOWHERE, Whereabouts, raised_in, whereabouts_of
from regrad.verify.evidence import Evidence, Place, StepReport

VERSION = 1


def write(outcomes: Iterable[FileOutcome], stream: TextIO, presentation: Presentation) -> None:
    json.dump(document(list(outcomes)), stream, indent=2, ensure_ascii=False, allow_nan=False)
    stream.write("\n")


def document(outcomes: list[FileOutcome]) -> dict[str, Any]:
    return {
        "version": VERSION,
        "files": [file_object(outcome) for outcome in outcomes],
        "summary": summary_object(summarise(outcomes)),
    }


def summary_object(summary: Summary) -> dict[str, int]:
    return {
        "files": summary.files,
        "findings": summary.findings,
        "fixable": summary.fixable,
        "fixed": summary.fixed,
        "verified": summary.verified,
        "fixable_unsafe": summary.fixable_unsafe,
        "withdrawn": summary.withdrawn,
        "not_analysed": summary.not_analysed,
    }


def file_object(outcome: FileOutcome) -> dict[str, Any]:
    notebook = notebook_of(outcome)
    told = whereabouts_of(outcome)
    return {
        "path": outcome.path,
        "status": outcome.status.value,
        "message": outcome.message,
        "fault": fault_object(outcome.fault),
        "changed": outcome.changed,
        "written": outcome.written,
        "findings": [finding_object(each, notebook, told) for each in outcome.findings],
        "verification": None if outcome.evidence is None else evidence_object(outcome.evidence, *told),
    }


def fault_object(fault: Fault | None) -> dict[str, Any] | None:
    """Where the file, or a cell of it that was passed over, stops being Python."""
    if fault is None:
        return None
    return {"cell": fault.cell, "line": fault.position.line, "column": fault.position.column}


def finding_object(
    outcome: FindingOutcome,
    notebook: SourceFile | None = None,
    told: tuple[Whereabouts, Whereabouts] = (NOWHERE, NOWHERE),
) -> dict[str, Any]:
    finding = outcome.finding
    return {
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        **span_object(finding.location.span, notebook),
        "cut": finding.cut.value if finding.cut else None,
        "variables": list(finding.variables),
        "related": [
            {
                "path": each.location.path,
                **position_object(each.location.span.start, notebook),
                "message": each.message,
            }
            for each in finding.related
        ],
        "fix": _fix_object(outcome, notebook),
        "candidates": [mending_object(mending, notebook) for mending in outcome.mendings],
        "withheld": outcome.withheld and {"reason": outcome.withheld.reason, "suggestion": outcome.withheld.suggestion},
        "decision": outcome.decision.value,
        "reason": outcome.reason,
        "verification": None if outcome.evidence is None else evidence_object(outcome.evidence, *told),
    }


def _fix_object(outcome: FindingOutcome, notebook: SourceFile | None) -> dict[str, Any] | None:
    mending = outcome.applied or (outcome.mendings[0] if outcome.mendings else None)
    if mending is None:
        return None
    return {**mending_object(mending, notebook), "applied": outcome.decision is Decision.APPLIED}


def mending_object(mending: Mending, notebook: SourceFile | None = None) -> dict[str, Any]:
    return {
        "safety": mending.safety.value,
        "title": mending.title,
        "reason": mending.reason or None,
        "edits": [{"path": edit.path, **span_object(edit.span, notebook), "text": edit.text} for edit in mending.edits],
    }


def position_object(position: Position, notebook: SourceFile | None = None) -> dict[str, Any]:
    """In a notebook, line and column are those of the cell, which is counted from 1."""
    cell, inner = place(position, notebook)
    return {"line": inner.line, "column": inner.column, **({} if cell is None else {"cell": cell})}


def span_object(span: Span, notebook: SourceFile | None = None) -> dict[str, Any]:
    cell, start = place(span.start, notebook)
    _, end = place(span.end, notebook)
    return {"cell": cell, "start": position_object(start), "end": position_object(end)}


def evidence_object(evidence: Evidence, earlier: Whereabouts = NOWHERE, later: Whereabouts = NOWHERE) -> dict[str, Any]:
    """`earlier` and `later` are what the lines of the two steps are lines of."""
    return {
        "verdict": evidence.verdict.value,
        "reason": evidence.reason,
        "data": evidence.after.data or evidence.before.data,
        "supplied": list(evidence.after.supplied or evidence.before.supplied),
        "before": step_object(evidence.before, earlier),
        "after": step_object(evidence.after, later),
    }


def step_object(step: StepReport, whereabouts: Whereabouts = NOWHERE) -> dict[str, Any]:
    cell, raised = whereabouts.place(raised_in(step), Position(step.exception_line or 1, 1))
    return {
        "outcome": step.exception or step.outcome.value,
        "ended": step.outcome.value,
        "exception": step.exception,
        "exception_line": raised.line if step.exception_line else None,
        "exception_cell": cell if step.exception_line else None,
        "reason": step.reason,
        "loss": _number(step.loss),
        "loss_text": None if step.loss is None else repr(step.loss),
        "cuts": [cut_object(cut, whereabouts) for cut in step.cuts],
        "places": [_place_object(each, whereabouts) for each in step.places],
        "variables": [
            {
                "name": each.name,
                "shape": list(each.shape),
                "gradient": each.gradient.value,
                "norm": _number(each.norm),
                "changed": each.changed,
                "trainable": each.trainable,
                "model": each.model,
                "optimizer": each.optimizer,
            }
            for each in step.variables
        ],
        "symptoms": [symptom.value for symptom in step.symptoms],
        "warnings": list(step.warnings),
        "data": step.data,
        "supplied": list(step.supplied),
        "tensorflow": step.tensorflow,
        "keras": step.keras,
        "seconds": _number(step.seconds),
    }


def _place_object(noted: Place, whereabouts: Whereabouts) -> dict[str, Any]:
    cell, position = whereabouts.place(noted.path, Position(noted.line, 1))
    return {"what": noted.what, "path": noted.path, "line": position.line, **({} if cell is None else {"cell": cell})}


def cut_object(cut: Cut, whereabouts: Whereabouts = NOWHERE) -> dict[str, Any]:
    cell, position = whereabouts.place(cut.location.path, cut.location.span.start)
    return {
        "path": cut.location.path,
        **position_object(position),
        **({} if cell is None else {"cell": cell}),
        "kind": cut.kind.value,
        "operation": cut.operation,
        "variables": list(cut.variables),
    }


def _number(value: float | None) -> float | None:
    """JSON has no NaN and no infinity; `loss_text` and the gradient's kind keep what is lost here."""
    return value if value is not None and math.isfinite(value) else None
