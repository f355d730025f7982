"""Refuses to make in each step what may be made only once: variables, and objects that remember what they saw."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from regrad.analysis.callee import called
from regrad.analysis.flow import sources_of
from regrad.analysis.frames import Frame, place_in
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Layer, Network, Operation, Value, Variable
from regrad.codemods.engine.effects import Reading, reading_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.recording import Recorder
from regrad.codemods.engine.surroundings import owners

_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def refuse_to_begin_again(program: Program, recorder: Recorder, operations: Sequence[Operation], sink: Sink) -> None:
    """Raises `CannotMove` where a statement that would run in each step makes such things along with the operations."""
    for operation in operations:
        statement, around = _made_by(program, operation.frame, operation.node, recorder.frame)
        if statement is None or around is None or not _runs_again(program, recorder, statement, around):
            continue
        for source in sources_of(sink.sources)[0]:
            if _made_with(program, source, statement, recorder.frame):
                raise CannotMove("it makes the variables too, which would begin anew in each step")
        for kept in _remembering(program, statement):
            raise CannotMove(f"it makes an object of `{kept}`, which remembers what it went through")


def _made_by(
    program: Program, frame: Frame | None, node: ast.AST | None, recorder: Frame
) -> tuple[ast.stmt | None, Frame | None]:
    """The statement around the tape, or around the calls that led to it, that led to `node`."""
    around: Frame | None = recorder
    while around is not None:
        place = place_in(frame, node, around)
        if place is not None:
            return program.statement(place, around.path), around
        around = around.caller
    return None, None


def _made_with(program: Program, source: Value, statement: ast.stmt, recorder: Frame) -> bool:
    if not isinstance(source, (Variable, Layer, Network)):
        return False
    return _made_by(program, source.frame, source.node, recorder)[0] is statement


def _runs_again(program: Program, recorder: Recorder, statement: ast.stmt, around: Frame) -> bool:
    """Whether the tape is opened several times for one run of the statement."""
    if around is not recorder.frame:
        return True
    held = owners(program, statement, around.path)
    return any(
        isinstance(owner, _LOOPS) and not any(owner is other for other in held)
        for owner in owners(program, recorder.owner, around.path)
    )


def _remembering(program: Program, statement: ast.stmt) -> Iterator[str]:
    """The classes whose objects a statement makes, itself or in what it calls, and whose methods change them."""
    readings = [reading_of(tree) for tree in program.trees.values()]
    classes = {
        node.name: (node, reading)
        for tree, reading in zip(program.trees.values(), readings, strict=True)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    seen: set[str] = set()
    stack: list[ast.AST] = [statement]
    while stack:
        for node in ast.walk(stack.pop()):
            name = called(node) if isinstance(node, ast.Call) else ""
            if not name or name in seen:
                continue
            seen.add(name)
            stack.extend(function for reading in readings for function in reading.functions.get(name, ()))
            if name in classes and _changes_itself(*classes[name]):
                yield name


def _changes_itself(node: ast.ClassDef, reading: Reading) -> bool:
    """Whether a method that does not make the object puts something into it."""
    return any(
        path.partition(".")[0] == "self"
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name not in ("__new__", "__init__", "__post_init__")
        for statement in method.body
        for path in reading.of(statement).writes
    )
