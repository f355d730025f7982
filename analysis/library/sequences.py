"""Functions that make one sequence or value of several: `itertools.chain`, `functools.reduce`, `tf.nest.flatten`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis import iteration, iterators, operators
from regrad.analysis.library.functions_given import CALLABLE
from regrad.analysis.values import UNKNOWN, Collection, External, Mapping, Unknown, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

_MOST = 48
"""So many elements at most are put together one by one."""
_OPERATORS: dict[str, ast.operator] = {
    f"operator.{name}": operator
    for name, operator in (
        ("add", ast.Add()),
        ("iadd", ast.Add()),
        ("concat", ast.Add()),
        ("iconcat", ast.Add()),
        ("mul", ast.Mult()),
        ("imul", ast.Mult()),
    )
}


def _chain(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`itertools.chain(a, b)` and `chain.from_iterable([a, b])`."""
    parts: list[Value] | None = list(call.positional) if call.complete else None
    if name.endswith("from_iterable"):
        parts = iteration.known_elements(interpreter, call.get(None, 0) or UNKNOWN)
    whole = operators.joined_lists(parts) if parts is not None else None
    if parts is not None and isinstance(whole, Collection):
        return iterators.lazy(whole, *parts)
    return whole or interpreter.unknown("call", "chain", call.all())


def _reduce(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`functools.reduce(function, elements, start)`."""
    from regrad.analysis.interpreter import Call as Arguments

    function, given, start = call.get(None, 0), call.get(None, 1) or UNKNOWN, call.get(None, 2)
    iterators.walk(interpreter, given, call.node)
    elements = iteration.known_elements(interpreter, given)
    if elements is None or not 0 < len(elements) <= _MOST or function is None or iteration.is_grown(given):
        return interpreter.unknown("call", "reduce", call.all())
    value, rest = (start, elements) if start is not None else (elements[0], elements[1:])
    for element in rest:
        operator = _OPERATORS.get(function.name) if isinstance(function, External) else None
        if operator is not None:
            value = operators.binary(interpreter, call.node, operator, value, element)
        elif isinstance(function, (*CALLABLE, External)):
            value = interpreter.call(function, Arguments(call.node, (value, element)))
        else:
            return interpreter.unknown("call", "reduce", call.all())
    return value


def _operator(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`operator.add(a, b)`."""
    one, other = call.get(None, 0), call.get(None, 1)
    if one is None or other is None:
        return UNKNOWN
    return operators.binary(interpreter, call.node, _OPERATORS[name], one, other)


def _flatten(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`tf.nest.flatten(structure)`: the leaves of lists and dictionaries, the latter in the order of their keys."""
    lists = _leaves(call.get("structure", 0) or UNKNOWN, call.node)
    whole = operators.joined_lists(lists) if lists is not None else None
    return whole or interpreter.unknown("call", "flatten", call.all())


def _leaves(structure: Value, node: ast.AST, depth: int = 0) -> list[Value] | None:
    """Lists that behind each other are the leaves; None where that is not known."""
    parts: list[Value]
    if isinstance(structure, Collection) and structure.complete and not structure.grown and depth < 8:
        parts = list(structure.items)
    elif isinstance(structure, Mapping) and structure.complete and depth < 8:
        parts = [structure.entries[key] for key in sorted(structure.entries, key=str)]
    elif isinstance(structure, (Unknown, Collection, Mapping)):
        return None
    elif operators.concatenate(Collection("list", (), True, None), structure) is not None:
        return [structure]
    else:
        return [Collection("list", (structure,), True, node)]
    found: list[Value] = []
    for part in parts:
        inner = _leaves(part, node, depth + 1)
        if inner is None:
            return None
        found += inner
    return found


FUNCTIONS: dict[str, Handler] = {
    "itertools.chain": _chain,
    "itertools.chain.from_iterable": _chain,
    "functools.reduce": _reduce,
    **dict.fromkeys(_OPERATORS, _operator),
    "tf.nest.flatten": _flatten,
    "tf1.nest.flatten": _flatten,
    "keras.tree.flatten": _flatten,
    "tree.flatten": _flatten,
}

PREFIXES: dict[str, Handler] = {}
