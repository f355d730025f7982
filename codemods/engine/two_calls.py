"""A source from one model and a target from another call, which it is no part of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import applications, unreached
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, Minimized
from regrad.analysis.flow import Flow
from regrad.analysis.program import Program
from regrad.analysis.values import Network, Tensor
from regrad.codemods.engine.rule import Finding, Mending, Related, Safety


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


def one_model(program: Program, evidence: TwoCalls) -> Mending:
    """One model gives the features and the prediction, so that the second is computed from the first."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    operation, path = evidence.source.operation, evidence.event.frame.path
    call, maker = operation.node, operation.callee
    first = program.statement(call, path) if call is not None else None
    if (
        not isinstance(maker, Network)
        or maker.form != "functional"
        or not isinstance(call, ast.Call)
        or operation.frame is not evidence.event.frame
    ):
        raise CannotMove("the two calls do not stand side by side")
    build = maker.node
    outputs = argument_of(build, "outputs", 1)
    if outputs is None or maker.frame is not operation.frame or isinstance(outputs, (ast.List, ast.Tuple)):
        raise CannotMove("the model of the source is made elsewhere")
    if (
        not isinstance(first, ast.Assign)
        or first.value is not call
        or len(first.targets) != 1
        or not isinstance(first.targets[0], ast.Name)
    ):
        raise CannotMove("the source has no name of its own")
    arguments = [ast.dump(argument) for argument in call.args]
    scope = unreached.scope_of(program, evidence.event.frame)
    others = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and node is not first
        and isinstance(node.value.func, ast.Name)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and [ast.dump(argument) for argument in node.value.args] == arguments
        and not node.value.keywords
        and node.lineno > first.lineno
    ]
    if len(others) != 1:
        raise CannotMove("which call computes the target is not certain")
    other = others[0]
    assert isinstance(other.value, ast.Call)
    whole = program.source(other.value.func, path)
    if f"{whole}.input" not in program.source(build, path):  # type: ignore[arg-type]
        raise CannotMove("the two models do not share their input")
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(outputs, f"[{program.source(outputs, path)}, {whole}.output]")
    names = f"{program.source(first.targets[0], path)}, {program.source(other.targets[0], path)}"
    rewrite.replace(first, f"{names} = {program.source(call, path)}")
    rewrite.remove([other])
    return Mending(
        "let one model give both",
        Safety.UNSAFE,
        rewrite.edits(),
        "the target is computed from the source, as a gradient needs it",
    )


def argument_of(call: ast.AST | None, name: str, position: int) -> ast.expr | None:
    if not isinstance(call, ast.Call):
        return None
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[position] if len(call.args) > position else None
