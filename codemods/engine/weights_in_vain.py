"""What some weights compute gets a name that its function never reads, while the training moves the others."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from regrad.analysis import applications, unreached
from regrad.analysis.callee import called
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken
from regrad.analysis.flow import Flow
from regrad.analysis.frames import Frame
from regrad.analysis.parameters import named
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Constant, Instance, Tensor, Value, Variable
from regrad.analysis.weights import describe
from regrad.codemods.engine.called_twice import holder_of
from regrad.codemods.engine.pairs import leaves_out
from regrad.codemods.engine.rule import Mendings, Withheld
from regrad.codemods.engine.two_calls import none_expected
from regrad.codemods.engine.unread import Unread, read_instead, unread_name

_GATES = frozenset({"sigmoid", "hard_sigmoid", "softmax"})
"""What gives shares between 0 and 1, by which something else is multiplied."""


class InVain(NamedTuple):
    """The name that nothing reads, and what therefore gets no gradient from this training."""

    sink: Sink
    unread: Unread
    names: tuple[str, ...]


def in_vain(program: Program) -> Iterator[InVain]:
    """The names that hold what is computed with weights which a training asks for and misses."""
    reached: set[int] = set()
    for sink in program.sinks:
        reached.update(sink.reached)
    sorted_out = {id(case.sink) for case in unreached.partly(program)}
    for sink in program.sinks:
        if unreached.in_test(sink.event.frame):
            continue
        path = sink.path
        if not path.lost or not path.connected or not path.complete or path.anything:
            continue
        cut_off = {id(value) for cut in sink.cuts if cut.kind is not CutKind.NEVER_USED for value in cut.sources}
        parts = [
            part
            for part in path.lost
            if isinstance(part, Variable) and id(part) not in reached | cut_off and _moves(part)
        ]
        if not parts or not _trains(program, sink):
            continue
        everything = Flow(sink.tape, full=True, marks=parts)
        for frame in _frames(sink):
            if frame is sink.event.frame and id(sink) in sorted_out:
                continue  # a term of the loss, which is looked for there
            for value in list(frame.scope.names.values()):
                found = _unread(program, sink, frame, value, parts, everything)
                if found is not None:
                    yield found


def _unread(
    program: Program, sink: Sink, frame: Frame, value: Value, parts: Sequence[Variable], everything: Flow
) -> InVain | None:
    if not isinstance(value, Tensor) or not sink.gradient_flow.recorded(value):
        return None
    operation = value.operation
    if operation.frame is not frame or operation.node is None:
        return None
    sources = everything.reach(value).sources
    missed = [part for part in parts if id(part) in sources]
    dead = unread_name(program, operation.node, frame) if missed else None
    if dead is None:
        return None
    names = tuple(dict.fromkeys(_spelled(frame, part) for part in missed))
    return InVain(sink, dead, names)


def _trains(program: Program, sink: Sink) -> bool:
    event = sink.event
    if not isinstance(event, GradientTaken):
        return sink.kind == "keras"
    applied = applications.of(program, event) if sink.kind == "tape" else None
    return applied is not None and not leaves_out(program, applied) and not none_expected(program, event)


def _moves(part: Variable) -> bool:
    stated = part.fields.get("trainable")
    return not (isinstance(stated, Constant) and not stated.value)


def _frames(sink: Sink) -> list[Frame]:
    """The calls in which what the training moves is computed."""
    found: dict[int, Frame] = {}
    for tensor in sink.alive:
        frame = tensor.operation.frame
        while frame is not None and id(frame) not in found:
            if frame.function is not None:
                found[id(frame)] = frame
            frame = frame.caller
    return list(found.values())


def _spelled(frame: Frame, part: Variable) -> str:
    """The part as the function around calls it: the object that has it, where that is one of its own."""
    owner, holder = frame.this, holder_of(part)
    if isinstance(owner, Instance):
        for name, value in owner.fields.items():
            if value is part or (holder is not owner and value is holder):
                return str(name)
    return describe(part)


def read_after_all(program: Program, evidence: InVain) -> Mendings:
    """What follows goes on with the value; of a gate it is not known what it was to let through."""
    name = evidence.unread.name
    if not any(isinstance(each, ast.Call) and called(each) in _GATES for each in ast.walk(evidence.unread.value)):
        return read_instead(program, evidence.unread)
    summed = _summed(evidence.unread)
    advice = f"multiply with `{name}` what it was computed for, or take it out with its weights"
    if summed is not None:
        old, new = summed
        advice = f"{name} * {new} + (1.0 - {name}) * {old}"
    return Withheld(f"what `{name}` was to be multiplied with is the author's to say", advice)


def _summed(dead: Unread) -> tuple[str, str] | None:
    """Of a function that returns the sum of what it was given and another name: the two, in this order."""
    assert dead.frame.function is not None
    function = dead.frame.function.node
    given = {each.arg for each in named(function.args)}
    sums = [each.value for each in ast.walk(function) if isinstance(each, ast.Return)]
    if len(sums) != 1 or not isinstance(sums[0], ast.BinOp) or not isinstance(sums[0].op, ast.Add):
        return None
    one, other = sums[0].left, sums[0].right
    if not isinstance(one, ast.Name) or not isinstance(other, ast.Name) or (one.id in given) == (other.id in given):
        return None
    return (one.id, other.id) if one.id in given else (other.id, one.id)
