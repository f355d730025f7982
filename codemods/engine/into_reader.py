"""What was computed around a function that the tape calls, computed in that function: only it reads the values."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Operation, Tensor, Unknown, Value
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.recording import Recorder, bring_in, enclosing_place
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import loaded, stored


class IntoReader(NamedTuple):
    """The function that computes the values from now on."""

    name: str
    edits: tuple[Edit, ...]


def into_reader(program: Program, sink: Sink, recorder: Recorder, operations: Sequence[Operation]) -> IntoReader | None:
    """The edits that move the operations into the one function that goes on with them under the tape; None where
    several do, or where they do not stand around it.
    """
    frames = _readers(sink, operations)
    functions = {id(frame.function.node): frame for frame in frames if frame.function is not None}
    if len(functions) != 1 or any(frame.function is None for frame in frames):
        return None
    (frame,) = functions.values()
    function = frame.function.node if frame.function is not None else None
    if not isinstance(function, ast.FunctionDef) or function is recorder.owner:
        return None
    if recorder.frame.function is not None and function is recorder.frame.function.node:
        return None
    places = [enclosing_place(operation, frame) for operation in operations]
    if any(place is None or _read_anew(program, place, frame.path) for place in places):
        return None
    try:
        return IntoReader(function.name, bring_in(program, Recorder(function, frame, sink.tape), operations))
    except CannotMove:
        return None


def _read_anew(program: Program, place: ast.AST, path: str) -> bool:
    """Whether a name that the statement reads is bound again behind it: the function was handed over, and nobody sees
    here when it is called.
    """
    statement = program.statement(place, path)
    if statement is None:
        return True
    read = loaded(statement) - stored(statement)
    return any(
        node.id in read and not isinstance(node.ctx, ast.Load) and node.lineno > statement.lineno
        for node in program.nodes_of(path, ast.Name)
    )


def _readers(sink: Sink, operations: Sequence[Operation]) -> list[Frame]:
    """The activations in which something else is made of what the operations give."""
    early = {id(operation) for operation in operations}
    found: list[Frame] = []
    seen: set[int] = set()
    stack: list[Value] = [sink.target]
    while stack:
        value = stack.pop()
        operation = value.operation if isinstance(value, (Tensor, Unknown)) else None
        if operation is None or id(value) in seen or id(operation) in early:
            continue
        seen.add(id(value))
        if any(_made_by(part, early) for part in operation.inputs) and operation.frame is not None:
            found.append(operation.frame)
        stack.extend(operation.inputs)
    return found


def _made_by(value: Value, early: set[int]) -> bool:
    return isinstance(value, (Tensor, Unknown)) and value.operation is not None and id(value.operation) in early
