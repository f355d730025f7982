"""A part of what the target is computed from is asked for, cut out for the request: nothing was made of that part."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import applications
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Tensor, Value, Variable
from regrad.codemods.engine import recording
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Finding, Mending, Related, Safety


class Part(NamedTuple):
    """The request, the expression that cuts the part out, and the expression of the whole in it."""

    event: GradientTaken
    cutting: ast.Subscript | ast.Call
    whole: ast.expr


def parts_asked(program: Program, code: str, rule: str) -> Iterator[Finding]:
    """The requests for a part that was cut out in the request itself."""
    seen: set[int] = set()
    for sink in program.sinks:
        part = part_asked(program, sink)
        if part is None or id(part.event.node) in seen:
            continue
        seen.add(id(part.event.node))
        frame = part.event.frame
        cutting, whole = (program.source(node, frame.path) for node in (part.cutting, part.whole))
        target = part.event.target_node
        named = f"`{program.source(target, frame.path)}`" if isinstance(target, ast.Name) else "the target"
        message = f"`{cutting}` is a tensor of its own: {named} was computed from `{whole}`, so its gradient is None"
        related = () if target is None else (Related(program.location(target, frame), "this was computed before"),)
        place = program.location(part.cutting, frame)
        yield Finding(code, rule, message, place, CutKind.NOT_WATCHED, (cutting,), related, part)


def part_asked(program: Program, sink: Sink) -> Part | None:
    """The part that a request asks for in vain, where the whole that it was cut out of has a gradient."""
    event = sink.event
    if sink.kind != "tape" or not isinstance(event, GradientTaken) or event.method != "gradient" or not sink.dead:
        return None
    node, value = event.sources_node, event.sources
    # What is made for the request is younger than the target, whatever a later turn of a loop makes of the gradient.
    if not isinstance(value, Tensor) or not value.operation.inputs or value.operation.node is not node:
        return None
    if isinstance(node, ast.Subscript):
        whole: ast.expr | None = node.value
    elif isinstance(node, ast.Call) and value.operation.name == "gather" and node.args:
        whole = node.args[0]
    else:
        return None
    origin = value.operation.inputs[0]
    if not isinstance(whole, (ast.Name, ast.Attribute)):
        return None
    if isinstance(node, ast.Subscript) and not (_of_axes(node) or _is_one_tensor(origin)):
        return None
    if not _reached(sink, origin) or recording.zeros_expected(event) or applications.only_shown(program, event):
        return None
    return Part(event, node, whole)


def _of_axes(node: ast.Subscript) -> bool:
    """Whether an index speaks of several axes, as no list and no dictionary takes it."""
    return isinstance(node.slice, ast.Tuple) and any(isinstance(each, ast.Slice) for each in node.slice.elts)


def _is_one_tensor(value: Value) -> bool:
    """Whether it is no batch that may be a tuple of tensors, of which one is taken whole."""
    return isinstance(value, Variable) or (isinstance(value, Tensor) and value.shape is not None)


def _reached(sink: Sink, origin: Value) -> bool:
    """Whether the tape certainly has a gradient of the target for the whole."""
    reach = sink.gradient_flow.reach(sink.target)
    return isinstance(origin, (Tensor, Variable)) and id(origin) in reach.sources and not reach.anything


def asked_of_whole(program: Program, part: Part) -> Mending:
    """The gradient of the whole, and the same part of it."""
    from regrad.codemods.engine import moving

    path, call = part.event.frame.path, part.event.node
    asked, cutting, whole = (program.source(node, path) for node in (call, part.cutting, part.whole))
    if asked.count(cutting) != 1:
        raise CannotMove("the part is spelled twice in the request")
    gradient = asked.replace(cutting, whole)
    if isinstance(part.cutting, ast.Subscript):
        start = len(whole)
    else:
        start = len(program.source(part.cutting.func, path))
        start = cutting.index(whole, start)
        gradient, start = cutting[:start] + gradient, start + len(whole)
    if not isinstance(call, ast.expr):
        raise CannotMove("the request is no expression of its own")
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    rewrite.replace(call, gradient + cutting[start:])
    return Mending(f"ask for the gradient of `{whole}`, and take that part of it", Safety.SAFE, rewrite.edits())
