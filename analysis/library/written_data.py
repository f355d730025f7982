"""Values that a program keeps as text of its own: `json.loads("…")`, `ast.literal_eval("…")`."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from regrad.analysis.values import UNKNOWN, Collection, Constant, Mapping, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

_LONGEST = 20_000
"""Characters of a text that is read; a longer one is data, and no settings."""


def _reading(read: Callable[[str], Any]) -> Handler:
    def handler(interpreter: Interpreter, name: str, call: Call) -> Value:
        text = call.positional[0] if len(call.positional) == 1 and not call.keywords else None
        if isinstance(text, Constant) and isinstance(text.value, str) and len(text.value) <= _LONGEST:
            try:
                return _as_value(read(text.value), call.node)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                return UNKNOWN
        return interpreter.unknown("call", name, ())

    return handler


def _as_value(found: Any, node: ast.AST) -> Value:
    if isinstance(found, dict):
        return Mapping({key: _as_value(value, node) for key, value in found.items()}, True, node)
    if isinstance(found, (list, tuple)):
        kind = "list" if isinstance(found, list) else "tuple"
        return Collection(kind, tuple(_as_value(value, node) for value in found), True, node)
    # The place of a number within the text is not known, so nothing can be written there.
    return Constant(found)


FUNCTIONS: dict[str, Handler] = {"json.loads": _reading(json.loads), "ast.literal_eval": _reading(ast.literal_eval)}
