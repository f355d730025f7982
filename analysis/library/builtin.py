"""Python's builtins and the methods of its lists, dictionaries and strings."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from regrad.analysis import attributes, iteration, iterators, joining, layer_names, subscripts
from regrad.analysis.library import records, texts
from regrad.analysis.operations import Transfer
from regrad.analysis.truth import can_be_called, truth
from regrad.analysis.values import (
    NONE,
    UNKNOWN,
    Absent,
    BoundMethod,
    Class,
    Collection,
    Constant,
    External,
    Function,
    Gradients,
    Instance,
    Layer,
    Mapping,
    Network,
    Partial,
    Tensor,
    Unknown,
    Value,
    Variable,
    WeightList,
    Zip,
    bounded,
    is_none,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

BUILTINS = frozenset(dir(builtins))


def _length(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get(None, 0)
    if isinstance(value, Collection):
        return UNKNOWN if value.size is None else Constant(value.size, call.node)
    if isinstance(value, Mapping) and value.complete:
        return Constant(len(value.entries), call.node)
    if isinstance(value, Tensor) and value.shape and value.shape[0] is not None:
        return Constant(value.shape[0], call.node)
    return UNKNOWN


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


def _is_instance(interpreter: Interpreter, name: str, call: Call) -> Value:
    value, kinds = call.get(None, 0), call.get(None, 1)
    names: list[Value] = list(kinds.items) if isinstance(kinds, Collection) else [kinds] if kinds is not None else []
    if not names or value is None:
        return UNKNOWN
    known = True
    for kind in names:
        if isinstance(kind, Class) and isinstance(value, Instance):
            if kind in value.cls.ancestry():
                return Constant(True, call.node)
        elif isinstance(kind, External):
            answer = _is_external(value, kind.name)
            if answer is True:
                return Constant(True, call.node)
            if answer is None:
                known = False
        else:
            known = (
                known and isinstance(value, (Constant, Collection, Mapping, Layer, Tensor)) and isinstance(kind, Class)
            )
    return Constant(False, call.node) if known and not isinstance(value, (Unknown,)) else UNKNOWN


def _is_external(value: Value, name: str) -> bool | None:
    last = name.rpartition(".")[2]
    if name.startswith("builtins."):
        if isinstance(value, Collection):
            return value.kind == last
        if isinstance(value, Mapping):
            return last == "dict"
        if isinstance(value, Constant):
            kind = getattr(builtins, last, None)
            return isinstance(value.value, kind) if isinstance(kind, type) else None
        if isinstance(value, (Layer, Network, Tensor, Variable, Instance)):
            return False if last in ("int", "float", "str", "list", "tuple", "dict", "bool", "set") else None
        return None
    if isinstance(value, Layer) and name.startswith("keras.layers."):
        if last == "Layer":
            return True
        return value.kind == last if value.kind in _known_layers() else None
    if isinstance(value, Instance) and name in ("keras.Model", "keras.layers.Layer"):
        return value.role == "model" or (name == "keras.layers.Layer" and value.role == "layer")
    if isinstance(value, Network) and name in ("keras.Model", "keras.layers.Layer"):
        return True
    if isinstance(value, Network) and name.startswith("keras.layers.") and value.form != "opaque":
        return False
    return None


def _known_layers() -> dict[str, str]:
    from regrad.analysis.library.keras_layers import LAYERS

    return LAYERS


def _callable(interpreter: Interpreter, name: str, call: Call) -> Value:
    found = can_be_called(call.positional[0]) if call.positional else None
    return UNKNOWN if found is None else Constant(found, call.node)


def _super(interpreter: Interpreter, name: str, call: Call) -> Value:
    frame = interpreter.frame
    this = frame.this
    if len(call.positional) == 2:
        this = call.positional[1]
        first = call.positional[0]
        return attributes.Super(this, first if isinstance(first, Class) else None)
    if this is None:
        return UNKNOWN
    return attributes.Super(this, frame.function.owner if frame.function is not None else None)


def _get_attribute(interpreter: Interpreter, name: str, call: Call) -> Value:
    owner, key, default = call.get(None, 0), call.get(None, 1), call.get(None, 2)
    if owner is not None and isinstance(key, Constant) and isinstance(key.value, str):
        if default is not None and isinstance(owner, Instance) and attributes.lacks(owner, key.value):
            return Absent(call.node, owner, key.value) if is_none(default) else default
        return attributes.read(interpreter, owner, key.value, call.node)
    return interpreter.unknown("attribute", "", tuple(call.positional[:1]))


def _has_attribute(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`hasattr` where it is certain: what was set or is defined here, and `layers`, by which models in models are told
    from plain layers.
    """
    owner, key = call.get(None, 0), call.get(None, 1)
    wanted = key.value if isinstance(key, Constant) else None
    if not isinstance(wanted, str):
        return UNKNOWN
    if isinstance(owner, Instance) and (wanted in owner.fields or owner.cls.find(wanted) is not None):
        return Constant(True, call.node)
    if wanted == "layers":
        if isinstance(owner, Network):
            return Constant(True, call.node)
        if isinstance(owner, Layer) and owner.kind in _known_layers():
            return Constant(False, call.node)
    return UNKNOWN


def _set_attribute(interpreter: Interpreter, name: str, call: Call) -> Value:
    import ast

    owner, key, value = call.get(None, 0), call.get(None, 1), call.get(None, 2)
    if owner is not None and value is not None and isinstance(key, Constant) and isinstance(key.value, str):
        node = (
            call.node
            if isinstance(call.node, ast.Attribute)
            else ast.copy_location(ast.Attribute(ast.Name("_", ast.Load()), key.value, ast.Store()), call.node)
        )
        attributes.write(interpreter, owner, key.value, value, node)
    else:
        records.forget(interpreter, owner)
    return NONE


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


def _type(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get(None, 0)
    return value.cls if isinstance(value, Instance) else UNKNOWN


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
    "builtins.isinstance": _is_instance,
    "builtins.callable": _callable,
    "builtins.super": _super,
    "builtins.getattr": _get_attribute,
    "builtins.setattr": _set_attribute,
    "builtins.hasattr": _has_attribute,
    "builtins.object": _object,
    "builtins.iter": _iterator,
    "builtins.next": _next,
    "builtins.type": _type,
    "functools.partial": _partial,
    "functools.lru_cache": _kept,
    "tqdm.tqdm": _iterator,
    "tqdm.trange": _range,
    "tqdm.notebook.tqdm": _iterator,
    "tqdm.auto.tqdm": _iterator,
}


def method(interpreter: Interpreter, owner: Value, name: str, call: Call) -> Value | None:
    """Methods of lists, dictionaries and texts."""
    if isinstance(owner, Collection):
        return _of_collection(interpreter, owner, name, call)
    if isinstance(owner, Mapping):
        return _of_mapping(interpreter, owner, name, call)
    if isinstance(owner, WeightList):
        return UNKNOWN if name == "copy" else None
    if isinstance(owner, Constant) and isinstance(owner.value, str):
        return texts.method(owner, name, call)
    if isinstance(owner, layer_names.AutomaticName):
        return layer_names.method(owner, name, call)
    return None


_SET_CHANGES = ("difference_update", "intersection_update", "symmetric_difference_update")


def _of_collection(interpreter: Interpreter, owner: Collection, name: str, call: Call) -> Value | None:
    put, fields = interpreter.store.put, owner.fields
    first = call.get(None, 0)
    if name in ("append", "add", "extend", "insert", "appendleft"):
        for value in call.positional:
            subscripts.put_into_either(interpreter, owner, value)
    if name in ("append", "add") and first is not None:
        grown, whole = bounded((*owner.items, first), owner.complete)
        put(fields, "items", grown)
        put(fields, "complete", whole)
        if any(loop.repeated for loop in interpreter.loops):
            # One pass stands for many: what is in it is known, how many there are is not.
            put(fields, "#grown", True)
        return NONE
    if name in ("extend", "update") and first is not None:
        known = iteration.known_elements(interpreter, first)
        if known is not None:
            grown, whole = bounded((*owner.items, *known), owner.complete)
            put(fields, "items", grown)
            put(fields, "complete", whole)
            if iteration.is_grown(first) or any(loop.repeated for loop in interpreter.loops):
                put(fields, "#grown", True)
        elif isinstance(first, WeightList):
            put(fields, "items", owner.with_weights(first))
            put(fields, "complete", False)
        else:
            put(fields, "items", (*owner.items, iteration.element(interpreter, first, call.node)))
            put(fields, "complete", False)
        return NONE
    if name == "insert" and len(call.positional) == 2:
        where = call.positional[0]
        items = list(owner.items)
        if isinstance(where, Constant) and isinstance(where.value, int):
            items.insert(where.value, call.positional[1])
        else:
            items.append(call.positional[1])
            put(fields, "complete", False)
        put(fields, "items", tuple(items))
        return NONE
    if name == "pop":
        position = call.get(None, 0)
        index = (
            position.value
            if isinstance(position, Constant) and isinstance(position.value, int)
            else -1
            if position is None
            else None
        )
        if index is not None and owner.complete and -len(owner.items) <= index < len(owner.items):
            items = list(owner.items)
            taken = items.pop(index)
            put(fields, "items", tuple(items))
            return taken
        put(fields, "complete", False)
        return iteration.element(interpreter, owner, call.node)
    if name == "clear":
        put(fields, "items", ())
        put(fields, "complete", True)
        return NONE
    if name in ("remove", "sort", "reverse", "discard", *_SET_CHANGES):
        if name == "reverse":
            put(fields, "items", owner.items[::-1])
        else:
            put(fields, "complete", False)
        return NONE
    if name == "copy":
        return Collection(owner.kind, owner.items, owner.complete, owner.node, owner.grown)
    return UNKNOWN


def _of_mapping(interpreter: Interpreter, owner: Mapping, name: str, call: Call) -> Value | None:
    put, fields = interpreter.store.put, owner.fields
    key = call.get(None, 0)
    if name == "items":
        rows = tuple(
            Collection("tuple", (Constant(k) if not isinstance(k, tuple) else UNKNOWN, v))
            for k, v in owner.entries.items()
        )
        return Collection("list", rows, owner.complete, call.node)
    if name == "values":
        return Collection("list", tuple(owner.entries.values()), owner.complete, call.node)
    if name == "keys":
        known = tuple(Constant(each) for each in owner.entries if not isinstance(each, tuple))
        return Collection("list", known, owner.complete and len(known) == len(owner.entries), call.node)
    if name in ("get", "pop", "setdefault"):
        default = call.get(None, 1)
        if isinstance(key, Constant):
            try:
                found = owner.entries.get(key.value)
            except TypeError:
                return UNKNOWN
            if found is not None:
                if name == "pop":
                    interpreter.store.delete(owner.entries, key.value)
                return found
            if owner.complete:
                if name == "setdefault" and default is not None:
                    put(owner.entries, key.value, default)
                if name == "get" and isinstance(key.value, str) and (default is None or is_none(default)):
                    return Absent(call.node, owner, key.value)
                return default if default is not None else NONE
        return interpreter.unknown("element", "", (owner,))
    if name == "update":
        other = call.get(None, 0)
        entries: dict[Any, Value] = dict(call.keywords)
        if isinstance(other, Mapping):
            entries = {**other.entries, **entries}
            put(fields, "complete", owner.complete and other.complete)
        elif other is not None:
            put(fields, "complete", False)
        for name_of_entry, value in entries.items():
            put(owner.entries, name_of_entry, value)
        return NONE
    if name == "copy":
        return Mapping(dict(owner.entries), owner.complete, owner.node)
    return UNKNOWN
