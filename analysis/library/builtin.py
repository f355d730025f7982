"""Python's builtins, and what `functools` and progress bars do."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from regrad.analysis import attributes, iteration, iterators, joining
from regrad.analysis.operations import Transfer
from regrad.analysis.truth import truth
from regrad.analysis.values import (
    UNKNOWN,
    BoundMethod,
    Collection,
    Constant,
    External,
    Function,
    Gradients,
    Mapping,
    Partial,
    Tensor,
    Unknown,
    Value,
    Variable,
    WeightList,
    Zip,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

BUILTINS = frozenset(dir(builtins))


def _length(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get(None, 0)
    size: int | None = None
    if isinstance(value, Collection):
        size = value.size
    elif isinstance(value, Mapping) and value.complete:
        size = len(value.entries)
    elif isinstance(value, Tensor) and value.shape:
        size = value.shape[0]
    return attributes.size(interpreter, size) if size is None else Constant(size, call.node)


def _range(interpreter: Interpreter, name: str, call: Call) -> Value:
    numbers = [value.value for value in call.positional if isinstance(value, Constant) and isinstance(value.value, int)]
    if len(numbers) == len(call.positional) and numbers:
        try:
            sequence = range(*numbers)
            if len(sequence) <= 64:
                return Collection("list", tuple(Constant(number) for number in sequence), True, call.node)
        except (TypeError, ValueError, OverflowError):
            return UNKNOWN
    return Collection("list", (UNKNOWN,), False, call.node)


def _sequence(kind: str) -> Handler:
    def make(interpreter: Interpreter, name: str, call: Call) -> Value:
        if not call.positional:
            return Collection(kind, (), True, call.node)
        value = call.positional[0]
        iterators.walk(interpreter, value, call.node)
        if isinstance(value, Zip):
            return Zip(value.parts, value.node, True)
        if isinstance(value, (WeightList, Gradients)):
            return value
        known = iteration.known_elements(interpreter, value)
        if known is not None:
            return Collection(kind, tuple(known), True, call.node, iteration.is_grown(value))
        if isinstance(value, (Tensor, Unknown)):
            return Collection(kind, (iteration.element(interpreter, value, call.node),), False, call.node)
        return Collection(kind, (iteration.element(interpreter, value, call.node),), False, call.node)

    return make


def _dictionary(interpreter: Interpreter, name: str, call: Call) -> Value:
    entries: dict[Any, Value] = {}
    complete = call.complete
    if call.positional:
        first = call.positional[0]
        if isinstance(first, Mapping):
            entries.update(first.entries)
            complete = complete and first.complete
        else:
            complete = _fill(interpreter, entries, first, call) and complete
            iterators.walk(interpreter, first, call.node)
    entries.update(call.keywords)
    return Mapping(entries, complete, call.node)


def _fill(interpreter: Interpreter, entries: dict[Any, Value], pairs: Value, call: Call) -> bool:
    """The entries of `dict(pairs)`, and whether these are all, each under its own key."""
    known = iteration.known_elements(interpreter, pairs)
    complete = known is not None and not iteration.is_grown(pairs)
    for pair in [iteration.element(interpreter, pairs, call.node)] if known is None else known:
        if not isinstance(pair, Collection) or pair.size != 2:
            complete = False
            continue
        key, value = pair.items
        try:
            entries[key.value if isinstance(key, Constant) else ("unknown", len(entries))] = value
        except TypeError:
            entries["unknown", len(entries)] = value
            complete = False
        complete = complete and isinstance(key, Constant)
    return complete


def _zip(interpreter: Interpreter, name: str, call: Call) -> Value:
    return Zip(call.positional, call.node)


def _enumerate(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get(None, 0) or UNKNOWN
    known = iteration.known_elements(interpreter, value)
    start = call.get("start", 1)
    first = start.value if isinstance(start, Constant) and isinstance(start.value, int) else 0
    if known is not None:
        apart = not isinstance(value, Collection) or value.tail is None
        rows = tuple(
            Collection("tuple", (Constant(first + index) if apart else UNKNOWN, item))
            for index, item in enumerate(known)
        )
        return iterators.lazy(Collection("list", rows, True, call.node, iteration.is_grown(value)), value)
    row = Collection("tuple", (UNKNOWN, iteration.element(interpreter, value, call.node)))
    return iterators.lazy(Collection("list", (row,), False, call.node), value)


def _reversed(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get(None, 0) or UNKNOWN
    if name.endswith("sorted"):
        iterators.walk(interpreter, value, call.node)
    known = iteration.known_elements(interpreter, value)
    if known is not None:
        ordered = known[::-1] if name.endswith("reversed") else known
        return Collection("list", tuple(ordered), True, call.node, iteration.is_grown(value))
    return Zip(value.parts, value.node, True) if isinstance(value, Zip) else value


def _map(interpreter: Interpreter, name: str, call: Call) -> Value:
    if len(call.positional) < 2:
        return UNKNOWN
    from regrad.analysis.interpreter import Call as Arguments

    function, *sources = call.positional
    known = [iteration.known_elements(interpreter, source) for source in sources]
    if len(known) == 1 and known[0] is not None and len(known[0]) <= 24:
        results = tuple(interpreter.call(function, Arguments(call.node, (item,))) for item in known[0])
        made = Collection("list", results, True, call.node, iteration.is_grown(sources[0]))
        return iterators.lazy(made, *sources)
    items = tuple(iteration.element(interpreter, source, call.node) for source in sources)
    result = interpreter.call(function, Arguments(call.node, items))
    return iterators.lazy(Collection("list", (result,), False, call.node), *sources)


def _filter(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get(None, 1) or UNKNOWN
    kept = Collection("list", (iteration.element(interpreter, value, call.node),), False, call.node)
    return iterators.lazy(kept, value)


def _sum(interpreter: Interpreter, name: str, call: Call) -> Value:
    from regrad.analysis.operators import is_numeric, joined_lists

    value = call.get(None, 0) or UNKNOWN
    iterators.walk(interpreter, value, call.node)
    known = iteration.known_elements(interpreter, value)
    parts = tuple(known) if known is not None else (iteration.element(interpreter, value, call.node),)
    start = call.get("start", 1)
    if known is not None and isinstance(start, Collection):
        return joined_lists([start, *parts]) or UNKNOWN
    if any(is_numeric(part) for part in parts):
        numpy = all(not is_numeric(part) or (isinstance(part, Tensor) and part.numpy) for part in parts)
        return interpreter.operation("operator", "add", call.node, (*parts, *call.positional[1:]), numpy=numpy)
    return interpreter.unknown("call", "sum", parts)


def _every(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`any` and `all`: they come to the end where nothing is found amiss."""
    value = call.get(None, 0) or UNKNOWN
    iterators.walk(interpreter, value, call.node)
    elements = None if iteration.is_grown(value) else iteration.known_elements(interpreter, value)
    if elements is not None:
        decisive = name.endswith("any")
        answers = {truth(element) for element in elements}
        if decisive in answers or None not in answers:
            return Constant(decisive if decisive in answers else not decisive, call.node)
    return interpreter.unknown("call", name, ())


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "int": int,
    "bool": bool,
    "round": round,
    "abs": abs,
    "str": str,
}


def _number(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get(None, 0)
    if isinstance(value, (Tensor, Variable, Gradients)):
        return interpreter.operation(
            "conversion",
            name.rpartition(".")[2],
            call.node,
            (value,),
            Transfer.LEAVES,
            dtype="float64" if name.endswith("float") else "int64",
            shape=(),
            numpy=True,
        )
    if isinstance(value, Constant):
        try:
            return Constant(_CONVERSIONS[name.rpartition(".")[2]](value.value), call.node)
        except Exception:
            return UNKNOWN
    return UNKNOWN if value is None else interpreter.unknown("call", name, ())


def _absolute(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get(None, 0)
    if isinstance(value, (Tensor, Variable)):
        numpy = isinstance(value, Tensor) and value.numpy
        return interpreter.operation("operator", "abs", call.node, (value,), numpy=numpy)
    return _number(interpreter, name, call)


def _extreme(interpreter: Interpreter, name: str, call: Call) -> Value:
    values = call.positional
    if len(values) == 1:
        iterators.walk(interpreter, values[0], call.node)
        known = iteration.known_elements(interpreter, values[0])
        values = tuple(known) if known is not None else (iteration.element(interpreter, values[0], call.node),)
    if values and all(isinstance(value, Constant) for value in values):
        try:
            function = max if name.endswith("max") else min
            return Constant(function(value.value for value in values if isinstance(value, Constant)), call.node)
        except Exception:
            return UNKNOWN
    # It is one of them, whichever.
    return joining.join_all(interpreter, values)


def _partial(interpreter: Interpreter, name: str, call: Call) -> Value:
    if not call.positional:
        return UNKNOWN
    return Partial(call.positional[0], call.positional[1:], dict(call.keywords))


def _kept(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`lru_cache(maxsize=…)` is a decorator like `cache`."""
    given = call.get(None, 0)
    return given if isinstance(given, (Function, BoundMethod)) else External("functools.cache")


def _object(interpreter: Interpreter, name: str, call: Call) -> Value:
    return interpreter.unknown("call", "object", ())


def _iterator(interpreter: Interpreter, name: str, call: Call) -> Value:
    return call.get(None, 0) or UNKNOWN


def _next(interpreter: Interpreter, name: str, call: Call) -> Value:
    return iteration.element(interpreter, call.get(None, 0) or UNKNOWN, call.node)


FUNCTIONS: dict[str, Handler] = {
    "builtins.len": _length,
    "builtins.range": _range,
    "builtins.list": _sequence("list"),
    "builtins.tuple": _sequence("tuple"),
    "builtins.set": _sequence("set"),
    "builtins.dict": _dictionary,
    "collections.OrderedDict": _dictionary,
    "builtins.zip": _zip,
    "builtins.enumerate": _enumerate,
    "builtins.reversed": _reversed,
    "builtins.sorted": _reversed,
    "builtins.map": _map,
    "builtins.filter": _filter,
    "builtins.sum": _sum,
    "builtins.any": _every,
    "builtins.all": _every,
    "builtins.float": _number,
    "builtins.int": _number,
    "builtins.bool": _number,
    "builtins.round": _number,
    "builtins.str": _number,
    "builtins.abs": _absolute,
    "builtins.max": _extreme,
    "builtins.min": _extreme,
    "builtins.object": _object,
    "builtins.iter": _iterator,
    "builtins.next": _next,
    "functools.partial": _partial,
    "functools.lru_cache": _kept,
    "tqdm.tqdm": _iterator,
    "tqdm.trange": _range,
    "tqdm.notebook.tqdm": _iterator,
    "tqdm.auto.tqdm": _iterator,
}
