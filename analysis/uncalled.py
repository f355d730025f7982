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
    lifetime.settle(interpreter, frame.scope.names, settled)
    for value in values:
        if isinstance(value, Class) and value.module == frame.path:
            _uncalled_methods(interpreter, value, frame, settled)
        elif isinstance(value, Function) and value.module == frame.path and id(value.node) not in interpreter.called:
            _speculate(interpreter, value)
    interpreter.store.rollback(mark)


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
        lifetime.settle(interpreter, frame.scope.names, settled)
    if isinstance(instance, Instance):
        order = sorted(cls.fields.items(), key=lambda item: item[0] not in ("build", "call"))
        for name, member in order:
            if (
                isinstance(member, Function)
                and id(member.node) not in interpreter.called
                and not (name.startswith("__") and name not in ("__call__", "__getitem__", "__iter__"))
            ):
                _speculate(interpreter, member if member.decorated("staticmethod") else BoundMethod(instance, member))
    interpreter.store.rollback(mark)


def _speculate(interpreter: Interpreter, callee: Function | BoundMethod) -> None:
    mark = interpreter.store.mark()
    function = callee.function if isinstance(callee, BoundMethod) else callee
    calls.call_unknown(interpreter, callee, function.node)
    interpreter.store.rollback(mark)
