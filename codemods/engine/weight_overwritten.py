"""A weight whose attribute gets what was computed of it once, in `__init__` or `build`: `self.w = f(self.w)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.cut import CutKind
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Instance, Variable
from regrad.codemods.engine import recording
from regrad.codemods.engine.missed import missed
from regrad.codemods.engine.recording import Report

ONCE = ("__init__", "build")


class Overwritten(NamedTuple):
    """The statement that puts a tensor in the place of the weight, in the method that runs once."""

    statement: ast.Assign
    name: str
    method: str
    path: str
    report: Report


def method_that_runs_once(report: Report) -> str | None:
    """`__init__` or `build`, where the operation was made in that method of a layer or model."""
    frame: Frame | None = report.cut.frame
    while frame is not None:
        if frame.function is not None and frame.function.name in ONCE and isinstance(frame.this, Instance):
            return frame.function.name if frame.this.role in ("layer", "model", "module") else None
        frame = frame.caller
    return None


def overwritten(program: Program, report: Report) -> Overwritten | None:
    """The statement `self.w = f(self.w)` that the missed operation stands in."""
    method = method_that_runs_once(report)
    node, frame = report.cut.node, report.cut.frame
    if method is None or node is None or frame is None or frame.function is None or frame.function.name != method:
        return None
    statement = program.statement(node, frame.path)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    if not isinstance(target, ast.Attribute) or not any(
        isinstance(each, Variable) and each.fields.get("#label") == target.attr for each in report.sources
    ):
        return None
    name = program.source(target, frame.path)
    if not any(
        isinstance(each, ast.Attribute) and program.source(each, frame.path) == name
        for each in ast.walk(statement.value)
    ):
        return None
    return Overwritten(statement, name, method, frame.path, report)


def all_overwritten(program: Program) -> Iterator[Overwritten]:
    """Those of them that a training misses."""
    for report in recording.reports(program, (CutKind.BEFORE_TAPE,), ("tape", "keras")):
        if any(operation.kind == "gradient" for operation in missed(report.sink)):
            continue
        found = overwritten(program, report)
        if found is not None and _needed(program, report):
            yield found


def _needed(program: Program, report: Report) -> bool:
    """Whether the loss needs it, rather than taking it for a constant on purpose."""
    tape = report.sink.tape
    recorder = recording.recorder_of(program, tape) if tape is not None else None
    return any(each is report.cut.operation for each in recording.needed(program, report.sink, recorder))
