"""What calls of library functions and methods do: one table of handlers, filled by the modules of this package."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from regrad.analysis.assigning import ASSIGNING
from regrad.analysis.names import namespace
from regrad.analysis.values import UNKNOWN, External, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter

Handler = Callable[["Interpreter", str, "Call"], Value]
MethodHandler = Callable[["Interpreter", Value, str, "Call"], "Value | None"]

_TABLES: list[tuple[dict[str, Handler], tuple[tuple[str, Handler], ...], tuple[MethodHandler, ...]]] = []


def _tables() -> tuple[dict[str, Handler], tuple[tuple[str, Handler], ...], tuple[MethodHandler, ...]]:
    """Exact names, prefixes (longest first), and method handlers; put together at first use."""
    if not _TABLES:
        from regrad.analysis.library import (
            arrays,
            builtin,
            command_line,
            composites,
            containers,
            copies,
            data,
            functions_given,
            graph_variables,
            graphs,
            keras_layers,
            keras_models,
            losses,
            made_tensors,
            model_methods,
            optimizers,
            records,
            reflection,
            sequences,
            streaming_metrics,
            tapes,
            tensor_methods,
            tensors,
            training,
            variables,
            written_data,
        )

        exact: dict[str, Handler] = {}
        prefixes: dict[str, Handler] = {}
        for module in (
            builtin,
            made_tensors,
            copies,
            tensors,
            variables,
            graph_variables,
            graphs,
            command_line,
            composites,
            functions_given,
            arrays,
            data,
            keras_layers,
            keras_models,
            losses,
            optimizers,
            records,
            reflection,
            sequences,
            streaming_metrics,
            tapes,
            written_data,
        ):
            exact.update(getattr(module, "FUNCTIONS", {}))
            prefixes.update(getattr(module, "PREFIXES", {}))
        ordered = tuple(sorted(prefixes.items(), key=lambda item: -len(item[0])))
        methods = (
            tapes.method,
            training.method,
            optimizers.method,
            model_methods.method,
            losses.method,
            data.method,
            tensor_methods.method,
            containers.method,
            command_line.method,
        )
        _TABLES.append((exact, ordered, methods))
    return _TABLES[0]


_HARMLESS = frozenset("builtins os sys time random math re json logging argparse pathlib datetime".split())
"""Libraries whose functions do nothing to a model."""


@lru_cache(maxsize=8192)
def _handler(name: str) -> Handler | None:
    exact, prefixes, _ = _tables()
    if name in exact:
        return exact[name]
    return next((handler for prefix, handler in prefixes if name.startswith(prefix)), None)


def call(interpreter: Interpreter, name: str, arguments: Call) -> Value:
    """The value of calling the library function of that canonical name."""
    handler = _handler(name)
    if handler is not None:
        return handler(interpreter, name, arguments)
    from regrad.analysis import calls
    from regrad.analysis.library import operation_calls

    operation = operation_calls.from_table(interpreter, name, arguments)
    if operation is not None:
        return operation
    if namespace(name) in _HARMLESS:
        calls.call_through(interpreter, arguments)
        return interpreter.unknown("call", name, ())
    return calls.unknown_call(interpreter, External(name), arguments)


def call_method(interpreter: Interpreter, owner: Value, name: str, arguments: Call) -> Value:
    """The value of calling a method that the program does not define itself."""
    from regrad.analysis import calls
    from regrad.analysis.library import variables

    for handler in _tables()[2]:
        result = handler(interpreter, owner, name, arguments)
        if result is not None:
            return result
    if name in ASSIGNING:
        variables.note_filled(interpreter, name, arguments)
    if owner is UNKNOWN:
        return calls.unknown_call(interpreter, UNKNOWN, arguments)
    return calls.unknown_call(interpreter, owner, arguments)
