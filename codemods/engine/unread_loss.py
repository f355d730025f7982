"""A step that asks the loss of another step: its own is computed too, and no gradient is ever asked of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import unreached
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, Minimized, TapeOpened
from regrad.analysis.flow import Flow
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Tape, Tensor, Value, WeightList
from regrad.analysis.weights import describe
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.rule import Finding, Mending, Related, Safety
from regrad.codemods.engine.spelled import spelled_at


class UnreadLoss(NamedTuple):
    """The request, the name of the loss that it should ask, and that of the tape which saw it, if it is another."""

    event: GradientTaken
    loss: str
    value: Tensor
    tape: str = ""


def misdirected(program: Program, code: str, name: str) -> Iterator[Finding]:
    """Requests that ask a loss which another request asks already, for weights that a loss of their own waits for."""
    for meant in unread_losses(program):
        event = meant.event
        asked = program.source(event.target_node, event.frame.path) if event.target_node is not None else "the target"
        lost = _asked(program, event)
        operation = meant.value.operation
        related = (
            ()
            if operation.node is None or operation.frame is None
            else (Related(program.location(operation.node, operation.frame), "no gradient is asked of this one"),)
        )
        yield Finding(
            code,
            name,
            f"`{asked}` is asked for the gradient of {lost}, but `{meant.loss}` is the loss that is computed from it",
            program.location(event.node, event.frame),
            CutKind.NEVER_USED,
            tuple(dict.fromkeys(describe(value) for value in _sink(program, event).path.lost)),
            related,
            meant,
        )


def unread_losses(program: Program) -> tuple[UnreadLoss, ...]:
    """The requests of the program that ask the wrong loss, each place once."""
    return program.once(_unread_losses)


def _unread_losses(program: Program) -> tuple[UnreadLoss, ...]:
    last: dict[int, Sink] = {}
    for sink in program.sinks:
        if sink.kind == "tape" and isinstance(sink.event, GradientTaken):
            last[id(sink.event.node)] = sink  # the names of a loop are those of its last turn
    taken: set[int] | None = None
    found: list[UnreadLoss] = []
    for sink in last.values():
        event = sink.event
        if (
            not isinstance(event, GradientTaken)
            or not sink.dead
            or not isinstance(event.target_node, ast.Name)
            or any(cut.kind is not CutKind.STOPPED for cut in sink.cuts)
            or not _asked_elsewhere(program, sink)
        ):
            continue
        if taken is None:
            taken = _taken(program)
        meant = _meant(program, sink, taken)
        if meant is not None:
            found.append(meant)
    return tuple(found)


def _asked_elsewhere(program: Program, sink: Sink) -> bool:
    """Whether another request asks the same loss, and gets gradients from it."""
    node = sink.target.operation.node if isinstance(sink.target, Tensor) else None
    return any(
        other.event.node is not sink.event.node
        and isinstance(other.target, Tensor)
        and other.target.operation.node is node
        and node is not None
        and bool(other.path.connected)
        for other in program.sinks
    )


def _taken(program: Program) -> set[int]:
    """The places of all that a gradient is asked of."""
    targets: list[Value] = [sink.target for sink in program.sinks]
    targets += [event.result for event in program.of(Minimized) if event.result is not None]
    return {id(tensor.operation.node) for tensor in reached(iter(targets))}


def _meant(program: Program, sink: Sink, taken: set[int]) -> UnreadLoss | None:
    event = sink.event
    assert isinstance(event, GradientTaken)
    scope = unreached.scope_of(program, event.frame)
    tapes = _tapes(program, event)
    lost = {id(value) for value in sink.path.lost}
    found: list[UnreadLoss] = []
    for name, value in event.frame.scope.names.items():
        if (
            not isinstance(value, Tensor)
            or value.numpy
            or value.shape not in (None, ())
            or id(value.operation.node) in taken
            or not any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(scope))
        ):
            continue
        for tape, spelled in tapes:
            if lost <= set(Flow(tape, marks=sink.path.lost).reach(value).sources):
                found.append(UnreadLoss(event, name, value, spelled))
                break
    # What another of them is computed from is a part of it.
    made_of = {id(inner.operation.node) for each in found for inner in reached(iter(each.value.operation.inputs))}
    whole = [each for each in found if id(each.value.operation.node) not in made_of]
    return whole[0] if len(whole) == 1 else None


def _tapes(program: Program, event: GradientTaken) -> list[tuple[Tape, str]]:
    """The tape that is asked, and those that nothing asks, with their names."""
    asked = {id(each.tape) for each in program.of(GradientTaken)}
    found: list[tuple[Tape, str]] = [(event.tape, "")]
    for opened in program.of(TapeOpened):
        if id(opened.tape) in asked or opened.statement is None or opened.frame is not event.frame:
            continue
        for item in opened.statement.items:
            if item.context_expr is opened.node and isinstance(item.optional_vars, ast.Name):
                found.append((opened.tape, item.optional_vars.id))
    return found


def _sink(program: Program, event: GradientTaken) -> Sink:
    return next(sink for sink in program.sinks if sink.event is event)


def _asked(program: Program, event: GradientTaken) -> str:
    owners = event.sources.owners if isinstance(event.sources, WeightList) else ()
    spelled = spelled_at(program, event.frame, owners[0]) if len(owners) == 1 else None
    if spelled is not None:
        return f"`{spelled}`"
    text = program.source(event.sources_node, event.frame.path) if event.sources_node is not None else ""
    return f"`{text}`" if text and len(text) < 50 else "other weights"


def own_loss_asked(program: Program, meant: UnreadLoss) -> Mending:
    """The edits by which a request asks its own loss."""
    from regrad.codemods.engine.moving import Rewrite

    event = meant.event
    path, node = event.frame.path, event.node
    if not isinstance(event.target_node, ast.Name) or not isinstance(node, ast.Call):
        raise CannotMove("the request is not written out here")
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(event.target_node, meant.loss)
    if meant.tape:
        if not isinstance(node.func, ast.Attribute) or not isinstance(node.func.value, ast.Name):
            raise CannotMove("the tape is not named in the request")
        rewrite.replace(node.func.value, meant.tape)
    title = f"ask for the gradient of `{meant.loss}`"
    return Mending(title, Safety.UNSAFE, rewrite.edits(), "other weights move: those that the loss was computed for")
