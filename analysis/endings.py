"""Where a gradient path really ends: behind each cut, the operation that takes the gradient away, with its followers.

A sink's cut is the operation nearest to the loss behind which nothing flows. What is to blame may lie deeper: of
`clip(cast(x, int32))` the clip is the cut, the cast is the ending.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from regrad.analysis import flow
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken
from regrad.analysis.frames import Frame
from regrad.analysis.picked_rows import picked_rows
from regrad.analysis.record import Record
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Layer, Operation, Tape, Tensor, Unknown, Value, Variable

if TYPE_CHECKING:
    from regrad.analysis.program import Program

OF_THE_PATH = frozenset(
    {
        CutKind.NON_DIFFERENTIABLE,
        CutKind.NO_REGISTERED_GRADIENT,
        CutKind.LEFT_TENSORFLOW,
        CutKind.INTEGER,
        CutKind.STOPPED,
        CutKind.ZERO_SLOPE,
    }
)
"""The kinds that an operation itself is to blame for, not the tape."""


class Ending(Record):
    """One operation (or, for integers, one source) that the gradient does not pass.

    `chain` are all tensors of the sink that depend on lost sources without a gradient to them, in order, the ending's
    own value among them; `lost` are the sources lost here that get no gradient anywhere in the program; `whole` says
    that the sink reaches nothing at all.
    """

    sink: Sink
    kind: CutKind
    value: Value
    operation: Operation | None
    node: ast.AST
    frame: Frame
    chain: tuple[Tensor, ...]
    lost: tuple[Value, ...]
    whole: bool


def endings(program: Program) -> tuple[Ending, ...]:
    """The endings of all sinks, each place once."""
    return program.once(_endings)


def _endings(program: Program) -> tuple[Ending, ...]:
    connected = {id(value) for sink in program.sinks for value in sink.path.connected}
    for sink in program.sinks:
        if not flow.sources_of(sink.sources)[1]:
            # It may ask for all that it reaches: what one loss is parted from, another may train (`tf.gradients` of an
            # action, with a slice of the trainable variables).
            connected |= sink.reached
    found: dict[tuple[CutKind, int], Ending] = {}
    for sink in program.sinks:
        lost = tuple(value for value in sink.path.lost if id(value) not in connected)
        if not lost or (not sink.dead and sink.path.anything) or _expected(sink) or picked_rows(sink):
            continue
        for ending in _of_sink(sink, lost):
            found.setdefault((ending.kind, id(ending.node)), ending)
    return tuple(found.values())


def _expected(sink: Sink) -> bool:
    """Whether the program says that it reckons with missing gradients."""
    node = sink.event.node
    return (
        isinstance(sink.event, GradientTaken)
        and isinstance(node, ast.Call)
        and any(word.arg == "unconnected_gradients" for word in node.keywords)
    )


def _of_sink(sink: Sink, lost: tuple[Value, ...]) -> tuple[Ending, ...]:
    found = tuple(_on_the_way(sink, lost, sink.tape))
    if not found and sink.dead and sink.tape is not None:
        # What no tape recorded either: the program has both faults, and one hides the other.
        found = tuple(_on_the_way(sink, lost, None))
    return found


def _on_the_way(sink: Sink, lost: tuple[Value, ...], tape: Tape | None) -> Iterator[Ending]:
    wanted: dict[int, Value] = {id(value): value for value in lost}
    for value in lost:
        if isinstance(value, Unknown):
            wanted[id(value.root())] = value.root()
    marks = tuple(wanted.values())
    direct, full = flow.Flow(tape, marks=marks), flow.Flow(tape, full=True, marks=marks)
    cuts = [cut for cut in sink.cuts if cut.kind in OF_THE_PATH and any(id(value) in wanted for value in cut.sources)]
    region: list[Tensor] = []
    found: list[tuple[CutKind, Value, Operation | None, ast.AST | None, Frame | None, tuple[Value, ...]]] = []
    stack: list[Value] = [cut.value for cut in cuts]
    seen: set[int] = set()
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        here = tuple(wanted[key] for key in full.among(value, wanted))
        if not here:
            continue
        if isinstance(value, Variable):
            if id(value) in wanted and flow.integer_source(value):
                found.append((CutKind.INTEGER, value, None, value.node, value.frame, (value,)))
            continue
        if not isinstance(value, Tensor):
            stack.extend(full._parts(value))
            continue
        operation = value.operation
        if id(value) in wanted:
            if flow.integer_source(value):
                found.append((CutKind.INTEGER, value, operation, operation.node, operation.frame, (value,)))
            continue
        kind = flow.blocked(value, direct)
        arriving = {id(part) for part in operation.inputs if direct.among(part, wanted)}
        own = flow.Reach()
        for source in operation.sources:
            flow.cover(source, own)
        brought = any(key in wanted for key in own.sources)
        if kind in OF_THE_PATH and (arriving or brought):
            found.append((kind, value, operation, operation.node, operation.frame, here))
        region.append(value)
        stack.extend(part for part in operation.inputs if id(part) not in arriving)
        stack.extend(source for source in operation.sources if isinstance(source, Variable) and id(source) in wanted)
    chain = tuple(sorted(region, key=lambda each: each.operation.serial))
    for kind, value, last, node, frame, here in found:
        if node is not None and frame is not None and hasattr(node, "lineno"):
            yield Ending(sink, kind, value, last, node, frame, chain, here, sink.dead)


def fresh(value: Value) -> bool:
    """Whether a source certainly starts untrained in this program: a layer or variable made here."""
    return isinstance(value, (Layer, Variable)) and not value.fields.get("loaded")
