"""A source from one model and a target from another call, which it is no part of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import applications
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, Minimized
from regrad.analysis.flow import Flow
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor
from regrad.codemods.engine.rule import Finding, Related


class TwoCalls(NamedTuple):
    """The source comes from one model, the target from another call."""

    event: GradientTaken
    source: Tensor


def two_calls(program: Program, code: str, name: str) -> Iterator[Finding]:
    for sink in program.sinks:
        event = sink.event
        if not isinstance(event, GradientTaken) or sink.kind != "tape" or not sink.dead or sink.cuts:
            continue
        source = event.sources
        if (
            not isinstance(source, Tensor)
            or source.operation.kind not in ("model", "layer")
            or event.tape not in source.operation.tapes
        ):
            continue
        if (
            Flow(sink.tape, full=True, marks=(source,)).reach(sink.target).anything
            or sink.depends_on(source)
            or applications.only_shown(program, event)
        ):
            continue
        if none_expected(program, event):
            continue
        yield Finding(
            code,
            name,
            "the target was computed by another call, which this source is no part of",
            program.location(event.node, event.frame),
            CutKind.NEVER_USED,
            (),
            (
                Related(
                    program.location(source.operation.node or event.node, source.operation.frame or event.frame),
                    "the source is computed here",
                ),
            ),
            TwoCalls(event, source),
        )


def none_expected(program: Program, event: GradientTaken | Minimized) -> bool:
    if isinstance(event.node, ast.Call) and any(
        keyword.arg == "unconnected_gradients" for keyword in event.node.keywords
    ):
        return True
    path = event.frame.path
    return any(node.attr in ("assertIsNone", "assertAllNone") for node in program.nodes_of(path, ast.Attribute)) or any(
        any(isinstance(part, (ast.Is, ast.IsNot)) for part in node.ops) and "grad" in program.source(node, path)
        for node in program.nodes_of(path, ast.Compare)
    )


def argument_of(call: ast.AST | None, name: str, position: int) -> ast.expr | None:
    if not isinstance(call, ast.Call):
        return None
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[position] if len(call.args) > position else None
