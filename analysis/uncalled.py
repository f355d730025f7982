"""The functions and methods that nothing in a program calls, interpreted with unknown arguments."""

from __future__ import annotations

from regrad.analysis import calls, lifetime
from regrad.analysis.frames import Frame
from regrad.analysis.interpreter import Call, Interpreter
from regrad.analysis.parameters import positional
from regrad.analysis.values import BoundMethod, Class, Function, Instance


def interpret_uncalled(interpreter: Interpreter, frame: Frame) -> None:
    """Interpret the functions and methods that nothing in the program calls, with unknown arguments."""
    values = list(frame.scope.names.values())
    mark = interpreter.store.mark()
    settled: set[int] = set()
    own = [value for value in values if isinstance(value, (Class, Function)) and value.module == frame.path]
    if any(_is_left(interpreter, value) for value in own):
        lifetime.settle(interpreter, frame, settled)
    for value in own:
        if isinstance(value, Class):
            _uncalled_methods(interpreter, value, frame, settled)
        elif _is_left(interpreter, value):
            _speculate(interpreter, value)
    interpreter.store.rollback(mark)


def _is_left(interpreter: Interpreter, value: Class | Function) -> bool:
    """Whether it was not called, or has a method that was not."""
    if isinstance(value, Function):
        return id(value.node) not in interpreter.called
    return any(_is_method(name) and _is_left(interpreter, member) for name, member in _functions(value))


def _functions(cls: Class) -> list[tuple[str, Function]]:
    return [(name, member) for name, member in cls.fields.items() if isinstance(member, Function)]


def _is_method(name: str) -> bool:
    """Whether it is one that a program calls, or Python for it at any time."""
    return not name.startswith("__") or name in ("__call__", "__getitem__", "__iter__")


def _uncalled_methods(interpreter: Interpreter, cls: Class, frame: Frame, settled: set[int]) -> None:
    mark = interpreter.store.mark()
    known = interpreter.instances.get(id(cls)) or []
    if known:
        instance: object = known[0]
    else:
        initializer = cls.find("__init__")
        arguments: tuple[object, ...] = ()
        if initializer is not None and isinstance(initializer[0], Function):
            parameters = initializer[0].node.args
            arguments = tuple(interpreter.unknown("parameter", name.arg) for name in positional(parameters)[1:])
        instance = calls.instantiate(interpreter, cls, Call(cls.node, arguments, {}, False))  # type: ignore[arg-type]
        lifetime.settle(interpreter, frame, settled)
    if isinstance(instance, Instance):
        for name, member in sorted(_functions(cls), key=lambda item: item[0] not in ("build", "call")):
            if _is_method(name) and _is_left(interpreter, member):
                _speculate(interpreter, member if member.decorated("staticmethod") else BoundMethod(instance, member))
    interpreter.store.rollback(mark)


def _speculate(interpreter: Interpreter, callee: Function | BoundMethod) -> None:
    mark = interpreter.store.mark()
    function = callee.function if isinstance(callee, BoundMethod) else callee
    calls.call_unknown(interpreter, callee, function.node)
    interpreter.store.rollback(mark)
