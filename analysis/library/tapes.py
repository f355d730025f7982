"""`tf.GradientTape`: what it records, what it watches, and the gradients asked of it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis import weights
from regrad.analysis.as_given import as_given
from regrad.analysis.events import GradientTaken, ModelCalled, TapeClosed, TapeOpened, Watched
from regrad.analysis.library.operation_calls import flatten
from regrad.analysis.operations import Transfer
from regrad.analysis.values import (
    NONE,
    UNKNOWN,
    BoundExternal,
    Collection,
    Constant,
    Gradients,
    Mapping,
    Tape,
    Unknown,
    Value,
    Variable,
    WeightList,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

ASKING = frozenset({"gradient", "jacobian", "batch_jacobian"})


def _make(interpreter: Interpreter, name: str, call: Call) -> Value:
    tape = Tape(call.node, interpreter.frame, interpreter.tick())
    tape.fields["persistent"] = call.get("persistent", 0) or Constant(False)
    tape.fields["watch_accessed"] = call.get("watch_accessed_variables", 1) or Constant(True)
    tape.fields["watched"] = {}
    tape.fields["uses"] = 0
    return tape


def implicit(interpreter: Interpreter, node: ast.AST) -> Tape:
    """The tape that Keras opens around a training step."""
    tape = Tape(node, interpreter.frame, interpreter.tick(), implicit=True)
    tape.fields.update(persistent=Constant(True), watch_accessed=Constant(True), watched={}, uses=0)
    return tape


def open_tape(interpreter: Interpreter, tape: Tape, node: ast.AST, statement: ast.With | ast.AsyncWith | None) -> None:
    """Start, or go on, recording."""
    if tape not in interpreter.tapes:
        interpreter.tapes = (*interpreter.tapes, tape)
    interpreter.store.put(tape.fields, "uses", 0)
    if "#opened" not in tape.fields:
        interpreter.store.put(tape.fields, "#opened", interpreter.tick())
    interpreter.emit(TapeOpened(node, interpreter.frame, interpreter.tick(), tape, statement))


def close_tape(interpreter: Interpreter, tape: Tape, node: ast.AST) -> None:
    interpreter.store.put(tape.fields, "#closed", interpreter.tick())
    interpreter.emit(TapeClosed(node, interpreter.frame, interpreter.serial, tape))


def is_stop_recording(value: Value) -> bool:
    """Whether a `with` item is `tape.stop_recording()`."""
    return isinstance(value, BoundExternal) and value.name == "stop_recording()" and isinstance(value.owner, Tape)


def method(interpreter: Interpreter, owner: Value, name: str, call: Call) -> Value | None:
    """Methods of a tape."""
    if not isinstance(owner, Tape):
        return None
    if name in ASKING:
        return ask(interpreter, owner, name, call)
    if name == "watch":
        value = call.get("tensor", 0) or UNKNOWN
        recording = owner in interpreter.tapes
        interpreter.emit(Watched(call.node, interpreter.frame, interpreter.tick(), owner, value, recording))
        watched = dict(owner.fields["watched"])
        for part in flatten((value,)):
            watched.setdefault(id(part), (interpreter.serial, part))
        interpreter.store.put(owner.fields, "watched", watched)
        return NONE
    if name == "stop_recording":
        return BoundExternal(owner, "stop_recording()")
    if name == "_ensure_recording":
        return NONE if owner in interpreter.tapes else owner
    if name == "__enter__":
        open_tape(interpreter, owner, call.node, None)
        return owner
    if name == "__exit__":
        interpreter.tapes = tuple(tape for tape in interpreter.tapes if tape is not owner)
        close_tape(interpreter, owner, call.node)
        return NONE
    if name == "reset":
        interpreter.store.put(owner.fields, "uses", 0)
        return NONE
    if name == "watched_variables":
        return _recorded(interpreter, owner, call.node)
    return UNKNOWN


def _recorded(interpreter: Interpreter, tape: Tape, node: ast.AST) -> Value:
    """The weights of the models that were called under the tape; other variables may be among them."""
    models = [event.model for event in interpreter.events if isinstance(event, ModelCalled) and tape in event.tapes]
    sources = {
        id(source): source
        for model in models
        if not isinstance(model, Unknown)
        for source in weights.collect(interpreter, model).trained
    }
    if not sources:
        return interpreter.unknown("call", "watched_variables", (tape,))
    return WeightList(tuple(models), "trainable_variables", tuple(sources.values()), False, node)


def ask(interpreter: Interpreter, tape: Tape, name: str, call: Call) -> Value:
    """`tape.gradient(target, sources)`, or another of its methods under that name."""
    target = as_given(call.get("target", 0) or UNKNOWN)
    sources = as_given(call.get("sources", 1) or UNKNOWN)
    uses = tape.fields["uses"]
    interpreter.store.put(tape.fields, "uses", uses + 1 if isinstance(uses, int) else uses)
    event = GradientTaken(
        call.node,
        interpreter.frame,
        interpreter.tick(),
        tape,
        target,
        sources,
        name,
        tape in interpreter.tapes,
        uses if isinstance(uses, int) else 0,
        interpreter.conditional > 0,
        call.node_of("target", 0),
        call.node_of("sources", 1),
    )
    interpreter.emit(event)
    shape = sources.shape if hasattr(sources, "shape") else None
    if isinstance(sources, Variable):
        shape = sources.fields.get("shape")
    result = interpreter.operation(
        "gradient",
        name,
        call.node,
        (target, *flatten((sources,))),
        Transfer.FLOWS,
        dtype="float32",
        shape=shape,
        arguments={"event": sources},
    )
    if isinstance(sources, Collection):
        if sources.complete and all(not isinstance(item, WeightList) for item in sources.items):
            items = tuple(Gradients(event, item, target, result, index) for index, item in enumerate(sources.items))
            return Collection("list", items, True, call.node)
        return Gradients(event, sources, target, result)
    if isinstance(sources, Mapping):
        return Mapping(
            {key: Gradients(event, item, target, result, 0) for key, item in sources.entries.items()},
            sources.complete,
            call.node,
        )
    if isinstance(sources, WeightList):
        return Gradients(event, sources, target, result)
    return Gradients(event, sources, target, result, 0)


FUNCTIONS: dict[str, Handler] = {"tf.GradientTape": _make}
