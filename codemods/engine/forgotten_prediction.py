"""A prediction that a model makes under the tape, and a loss that is computed from the model's input instead; or the
entry of a dictionary that was meant, and another one that is read.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.events import ModelCalled
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.trainings import inside
from regrad.analysis.unreached import scope_of
from regrad.analysis.values import Mapping, Value
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.respelling import quoted

_TAKING = frozenset({"gradient", "gradients", "jacobian", "batch_jacobian"})


class Forgotten(NamedTuple):
    """`prediction` is what should stand at `use`, where the loss reads something else."""

    prediction: str
    use: ast.expr
    path: str


def forgotten(program: Program, sink: Sink, weights: list[Value]) -> Forgotten | None:
    """The one place of the function that asks for the gradient where its prediction was meant, if it is certain."""
    frame = sink.event.frame
    wanted = {id(value) for value in weights}
    found: list[Forgotten] = []
    for call in program.of(ModelCalled):
        if call.frame is not frame or not wanted & {id(value) for value in inside(call.model)}:
            continue
        found.extend(_uses(program, frame, call.node))
    found = found or list(_entries(program, sink, frame, wanted))
    return found[0] if len(found) == 1 else None


def _entries(program: Program, sink: Sink, frame: Frame, wanted: set[int]) -> Iterator[Forgotten]:
    """`views["clean"]` where `views["shifted"]`, which nobody reads, is the only entry made of what is asked for."""
    flow = sink.gradient_flow
    reads = [
        node
        for node in ast.walk(scope_of(program, frame))
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name)
    ]
    for name, value in frame.scope.names.items():
        if not isinstance(value, Mapping) or not value.complete:
            continue
        made = [key for key, part in value.entries.items() if wanted & set(flow.reach(part).sources)]
        own = [node for node in reads if isinstance(node.value, ast.Name) and node.value.id == name]
        keys = [node.slice.value if isinstance(node.slice, ast.Constant) else None for node in own]
        if len(made) == 1 and isinstance(made[0], str) and len(own) == 1 and keys[0] in value.entries:
            yield Forgotten(f"{name}[{quoted(program, frame.path, made[0], own[0].slice)}]", own[0], frame.path)


def _uses(program: Program, frame: Frame, call: ast.AST) -> Iterator[Forgotten]:
    bound = binding(program.statement(call, frame.path), call)
    if bound is None or not isinstance(call, ast.Call) or not call.args:
        return
    first = call.args[0]
    parts = first.elts if isinstance(first, (ast.Tuple, ast.List)) else [first]
    name, given = bound.target.id, {each.id for each in parts if isinstance(each, ast.Name)}
    if name in given:
        return
    parents = program.parents(frame.path)
    for node in ast.walk(scope_of(program, frame)):
        if not isinstance(node, ast.Name) or node.id not in given or not isinstance(node.ctx, ast.Load):
            continue
        holder = parents.get(node)
        # Beside another value, as the prediction stands beside the targets.
        argument = (
            isinstance(holder, ast.Call)
            and node in holder.args
            and len(holder.args) > 1
            # What the slope is taken in is no part of a loss.
            and not (isinstance(holder.func, ast.Attribute) and holder.func.attr in _TAKING)
        )
        difference = isinstance(holder, ast.BinOp) and isinstance(holder.op, ast.Sub)
        if (argument or difference) and node.lineno > (bound.statement.end_lineno or 0):
            yield Forgotten(name, node, frame.path)
