"""The result of a function of the program that calls layers, bound to a name that nothing reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis import trainings, unreached
from regrad.analysis.callee import called
from regrad.analysis.events import ModelCalled
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Network, Tensor, Value
from regrad.codemods.engine.dropped import calls_of, holder
from regrad.codemods.engine.effects import KEEPING
from regrad.codemods.engine.numbers_in_tensors import is_number
from regrad.codemods.engine.surroundings import stored_locally
from regrad.codemods.engine.unread import Unread, unread
from regrad.codemods.engine.unread_chain import unread_at_the_end

_GROWING = frozenset({"append", "extend", "insert", "update", "add", "appendleft", "put"})


def unread_result(program: Program, sink: Sink, part: Value) -> Unread | None:
    """The statement that every recorded call of this part of a model comes to, directly or through functions around
    it, and whose name nothing reads.
    """
    around = _around(sink)
    found: list[Unread] = []
    for node, frame, recorded in _calls(program, sink, part):
        if not recorded:
            continue  # an evaluation, or the call that builds the model
        dead = _unread_outside(program, node, frame, around)
        if dead is None or (found and dead.statement is not found[0].statement):
            return None
        found.append(dead)
    return found[0] if found else None


def _calls(program: Program, sink: Sink, part: Value) -> Iterator[tuple[ast.AST, Frame, bool]]:
    """The calls of a layer, and those of the ready models of the library that hold it."""
    yield from calls_of(program, sink, part)
    for event in program.once(_of_holders).get(id(holder(part)), ()):
        yield event.node, event.frame, sink.tape in event.tapes


def _of_holders(program: Program) -> dict[int, list[ModelCalled]]:
    """The calls of `Sequential` and functional models, by everything that is inside of these."""
    events: dict[int, list[ModelCalled]] = {}
    for event in program.of(ModelCalled):
        if isinstance(event.model, Network):
            events.setdefault(id(event.model), []).append(event)
    found: dict[int, list[ModelCalled]] = {}
    for calls in events.values():
        for part in trainings.inside(calls[0].model):
            found.setdefault(id(part), []).extend(calls)
    return found


def _around(sink: Sink) -> set[int]:
    """The calls that lead to the request itself: what they give comes after the gradients."""
    calls, frame = {id(sink.event.node)}, sink.event.frame
    while True:
        calls.add(id(frame.call))
        if frame.caller is None:
            return calls
        frame = frame.caller


def _unread_outside(program: Program, node: ast.AST | None, frame: Frame, around: set[int]) -> Unread | None:
    current: Frame | None = frame
    while isinstance(node, ast.Call) and current is not None and id(node) not in around:
        dead = unread(program, unreached.Written(node, current), recorded=True)
        if dead is not None:
            # A number is a term of the loss, and what it was to be added to is known (RG109).
            value = current.scope.names.get(dead.name)
            return None if isinstance(value, Tensor) and is_number(value) else dead
        end = unread_at_the_end(program, node, current)
        if end is not None:
            return end
        if current.function is None or _does_more(current.function.node):
            return None
        node, current = current.call, current.caller
    return None


def _does_more(function: ast.AST) -> bool:
    """Whether a function keeps anything but in names of its own, or tells it to Keras."""
    own = stored_locally(function) - {each.arg for each in ast.walk(function) if isinstance(each, ast.arg)}
    for node in ast.walk(function):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            if not isinstance(node.value, ast.Name) or node.value.id not in own:
                return True
        elif isinstance(node, (ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom)):
            return True
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = called(node)
            local = isinstance(owner, ast.Name) and owner.id in own
            if name in KEEPING or (name in _GROWING and not local and not _of_library(owner)):
                return True
    return False


def _of_library(owner: ast.expr) -> bool:
    """Whether a function like `tf.math.add` is called, and no method of an object of the program."""
    while isinstance(owner, ast.Attribute):
        owner = owner.value
    return isinstance(owner, ast.Name) and owner.id in ("tf", "keras", "K", "ops", "np", "tfm")
