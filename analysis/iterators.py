"""Iterators that are used up: what was walked through once gives nothing a second time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from regrad.analysis.record import Record
from regrad.analysis.values import Collection, Value, Zip

if TYPE_CHECKING:
    from regrad.analysis.frames import Frame
    from regrad.analysis.interpreter import Interpreter


class Walk(Record):
    """One walk through an iterator, by the expression `node`."""

    iterator: Value
    node: ast.AST
    frame: Frame


def lazy(made: Collection, *sources: Value) -> Collection:
    """What a generator expression, `map` or `filter` gives: its elements are taken from the sources when it is
    walked.
    """
    made.fields["#once"] = sources
    return made


def is_iterator(value: Value) -> bool:
    """Whether it can be walked through only once."""
    if isinstance(value, Zip):
        return not value.held
    return isinstance(value, Collection) and value.fields.get("#once") is not None


def walk(interpreter: Interpreter, value: Value, node: ast.AST) -> None:
    """Note that a value is walked to its end, and the iterators that it draws from with it."""
    for iterator in _with_sources(value):
        if id(iterator) not in interpreter.walks:
            # Through the store, since a walk in one branch says nothing of the others.
            interpreter.store.put(interpreter.walks, id(iterator), Walk(iterator, node, interpreter.frame))


def walked(interpreter: Interpreter, value: Value) -> Walk | None:
    """The walk that left nothing of a value, where there was one."""
    for iterator in _with_sources(value):
        found = interpreter.walks.get(id(iterator))
        if isinstance(found, Walk):
            return found
    return None


def to_the_end(loop: ast.For | ast.AsyncFor) -> bool:
    """Whether nothing in a loop may leave it early and go on behind it."""
    return not any(isinstance(node, (ast.Break, ast.Return)) for part in loop.body for node in ast.walk(part))


def _with_sources(value: Value) -> Iterator[Value]:
    stack: list[Value] = [value]
    while stack:
        current = stack.pop()
        if not is_iterator(current):
            continue
        yield current
        if isinstance(current, Zip):
            stack.extend(reversed(current.parts))
        elif isinstance(current, Collection):
            stack.extend(reversed(current.fields["#once"]))
