"""Indexing, slicing and unpacking of every kind of value."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis import iteration, joining
from regrad.analysis.operations import Transfer, is_integer
from regrad.analysis.values import (
    UNKNOWN,
    BoundMethod,
    Collection,
    Constant,
    Function,
    Gradients,
    Instance,
    Layer,
    Mapping,
    Network,
    Shape,
    Tensor,
    Union_,
    Unknown,
    Value,
    Variable,
    WeightList,
    Zip,
    bounded,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter


def read(interpreter: Interpreter, owner: Value, index: ast.expr, node: ast.AST) -> Value:
    """`owner[index]`."""
    if isinstance(owner, Collection):
        if isinstance(index, ast.Slice):
            return _slice(interpreter, owner, index, node)
        position = interpreter.evaluate(index)
        if owner.tail is not None:
            return _of_tail(interpreter, owner, position)
        if isinstance(position, Constant) and isinstance(position.value, int) and owner.complete:
            if -len(owner.items) <= position.value < len(owner.items):
                return owner.items[position.value]
            return UNKNOWN
        if not owner.items:
            return interpreter.unknown("element", "", (owner,))
        return (
            joining.join_all(interpreter, owner.items)
            if owner.complete
            else interpreter.unknown("element", "", (owner,))
        )
    if isinstance(owner, Mapping):
        key = interpreter.evaluate(index)
        if isinstance(key, Constant):
            try:
                if key.value in owner.entries:
                    return owner.entries[key.value]
            except TypeError:
                return UNKNOWN
        elif owner.entries:
            return joining.join_all(interpreter, list(owner.entries.values()))
        return interpreter.unknown("element", "", (owner,))
    position = interpreter.evaluate(index) if not isinstance(index, ast.Slice) else UNKNOWN
    if isinstance(owner, (Tensor, Variable)):
        return _of_tensor(interpreter, owner, index, position, node)
    if isinstance(owner, Gradients):
        if isinstance(position, Constant) and isinstance(position.value, int):
            return _of_gradients(owner, position.value)
        return owner
    if isinstance(owner, WeightList):
        if isinstance(index, ast.Slice):
            return WeightList(owner.owners, owner.attribute, owner.sources, False, node)
        known = owner.complete and all(isinstance(source, Variable) for source in owner.sources)
        if known and isinstance(position, Constant) and isinstance(position.value, int):
            count = len(owner.sources)
            if -count <= position.value < count:
                return owner.sources[position.value]
        return WeightList(owner.owners, owner.attribute, owner.sources, False, node)
    if isinstance(owner, Zip):
        return interpreter.unknown("element", "", (owner,))
    if isinstance(owner, Union_):
        return joining.join_all(
            interpreter, [read(interpreter, alternative, index, node) for alternative in owner.alternatives]
        )
    if isinstance(owner, Instance):
        from regrad.analysis.interpreter import Call

        found = owner.cls.find("__getitem__")
        if found is not None and isinstance(found[0], Function):
            return interpreter.call(BoundMethod(owner, found[0]), Call(node, (position,)))
        items = iteration.known_elements(interpreter, owner)
        at = position.value if isinstance(position, Constant) and isinstance(position.value, int) else None
        if items and at is not None and -len(items) <= at < len(items):
            return items[at]
        return interpreter.unknown("element", "", (owner,))
    if (
        isinstance(owner, Constant)
        and isinstance(owner.value, str)
        and isinstance(position, Constant)
        and isinstance(position.value, int)
    ):
        try:
            return Constant(owner.value[position.value], node)
        except IndexError:
            return UNKNOWN
    if owner is UNKNOWN:
        return UNKNOWN
    if isinstance(owner, Unknown) and isinstance(position, Constant):
        place = (id(owner), f"[{position.value!r}]")
        cached = interpreter.attributes.get(place)
        if cached is not None:
            return cached[1]
        made = interpreter.unknown("element", f"{owner.label}[{position.value!r}]" if owner.label else "", (owner,))
        interpreter.attributes[place] = (owner, made)
        return made
    return interpreter.unknown("element", "", (owner,))


def _bound(interpreter: Interpreter, node: ast.expr | None) -> tuple[bool, int | None]:
    if node is None:
        return True, None
    value = interpreter.evaluate(node)
    if isinstance(value, Constant) and (value.value is None or isinstance(value.value, int)):
        return True, value.value
    return False, None


def _slice(interpreter: Interpreter, owner: Collection, index: ast.Slice, node: ast.AST) -> Value:
    bounds = [_bound(interpreter, part) for part in (index.lower, index.upper, index.step)]
    if owner.complete and not owner.grown and all(known for known, _ in bounds) and bounds[2][1] != 0:
        return Collection(owner.kind, owner.items[bounds[0][1] : bounds[1][1] : bounds[2][1]], True, node)
    if owner.complete and owner.tail is not None and all(known for known, _ in bounds):
        lower, upper, step = (bound for _, bound in bounds)
        if step is None and upper is None and lower is not None and -owner.tail <= lower < 0:
            return Collection(owner.kind, owner.items[lower:], True, node)
        if step is None and lower in (None, 0) and upper is not None and -owner.tail <= upper < 0:
            before = Collection(owner.kind, owner.items[:upper], True, node, grown=True)
            before.fields["#tail"] = owner.tail + upper
            return before
    # Some of the elements: what is done to them must not count as done to all.
    some = tuple(
        Layer("?some", {}, node, interpreter.frame, interpreter.tick())
        if isinstance(item, Layer) or (isinstance(item, (Network, Instance)) and owner.tail is not None)
        else item
        for item in owner.items
    )
    return Collection(owner.kind, some, False, node)


def _of_tail(interpreter: Interpreter, owner: Collection, position: Value) -> Value:
    """One of a list whose end alone is known."""
    assert owner.tail is not None
    if isinstance(position, Constant) and isinstance(position.value, int) and -owner.tail <= position.value < 0:
        return owner.items[position.value]
    return interpreter.unknown("element", "", (owner,))


def _of_tensor(
    interpreter: Interpreter, owner: Tensor | Variable, index: ast.expr, position: Value, node: ast.AST
) -> Value:
    shape: Shape | None = owner.shape if isinstance(owner, Tensor) else owner.fields.get("shape")
    dtype = owner.dtype if isinstance(owner, Tensor) else owner.fields.get("dtype")
    numpy = isinstance(owner, Tensor) and owner.numpy
    facts = owner.facts if isinstance(owner, Tensor) else frozenset()
    if isinstance(owner, Tensor) and not isinstance(index, (ast.Slice, ast.Tuple)) and iteration.may_be_several(owner):
        return owner
    result = _indexed_shape(index, shape)
    if (
        isinstance(position, Tensor)
        and position.shape is not None
        and shape
        and is_integer(position.dtype)
        and position.dtype != "bool"
    ):
        # An array of row numbers picks rows: `np.eye(3)[labels]`.
        result = (*position.shape, *shape[1:])
        facts = facts if len(shape) == 2 else frozenset()
    elif "one-hot" in facts and (result is None or shape is None or len(result) != len(shape)):
        facts = frozenset()
    return interpreter.operation(
        "index",
        "getitem",
        node,
        (owner,),
        Transfer.FLOWS,
        dtype=dtype if isinstance(dtype, str) else None,
        shape=result,
        numpy=numpy,
        facts=facts,
        high=owner.high if isinstance(owner, Tensor) else None,
        symbolic=isinstance(owner, Tensor) and owner.symbolic,
    )


def _indexed_shape(index: ast.expr, shape: Shape | None) -> Shape | None:
    if shape is None:
        return None
    parts = list(index.elts) if isinstance(index, ast.Tuple) else [index]
    if any(isinstance(part, ast.Constant) and part.value is Ellipsis for part in parts):
        return None
    out: list[int | None] = []
    position = 0
    for part in parts:
        empty = isinstance(part, ast.Constant) and part.value is None
        if empty or (isinstance(part, ast.Attribute) and part.attr == "newaxis"):
            out.append(1)
        elif isinstance(part, ast.Slice):
            if position >= len(shape):
                return None
            whole = part.lower is None and part.upper is None and part.step is None
            out.append(shape[position] if whole else _sliced(part, shape[position]))
            position += 1
        elif isinstance(part, (ast.Constant, ast.UnaryOp)):
            position += 1
        else:
            return None
    if position > len(shape):
        return None
    return (*out, *shape[position:])


def _sliced(part: ast.Slice, size: int | None) -> int | None:
    bounds: list[int | None] = []
    for bound in (part.lower, part.upper, part.step):
        if bound is None:
            bounds.append(None)
        elif isinstance(bound, ast.Constant) and isinstance(bound.value, int):
            bounds.append(bound.value)
        elif (
            isinstance(bound, ast.UnaryOp)
            and isinstance(bound.op, ast.USub)
            and isinstance(bound.operand, ast.Constant)
            and isinstance(bound.operand.value, int)
        ):
            bounds.append(-bound.operand.value)
        else:
            return None
    if bounds[2] == 0:
        return None
    if size is not None and size < 1 << 40:
        return len(range(*slice(*bounds).indices(size)))
    low, high = bounds[0], bounds[1]
    if low is not None and low < 0 and bounds[2] is None and (high is None or low <= high < 0):
        return (high or 0) - low
    if low is not None and high is not None and low >= 0 and high >= low and bounds[2] is None:
        return high - low
    return None


def unpack(interpreter: Interpreter, value: Value, count: int, starred: int | None, node: ast.AST) -> list[Value]:
    """The parts of a value that is assigned to `count` targets, of which at most one is starred."""
    elements = iteration.known_elements(interpreter, value)
    if elements is not None:
        if starred is None and len(elements) == count:
            return elements
        if starred is not None and len(elements) >= count - 1:
            tail = count - starred - 1
            middle = Collection("list", tuple(elements[starred : len(elements) - tail]), True, node)
            return [*elements[:starred], middle, *(elements[len(elements) - tail :] if tail else [])]
    if isinstance(value, Union_):
        parts = [unpack(interpreter, alternative, count, starred, node) for alternative in value.alternatives]
        return [joining.join_all(interpreter, list(column)) for column in zip(*parts, strict=False)]
    if isinstance(value, Gradients):
        return [Gradients(value.event, value.sources, value.target, value.tensor, index) for index in range(count)]
    if isinstance(value, Unknown) and value is not UNKNOWN:
        return [
            interpreter.unknown("element", f"{value.label}[{index}]" if value.label else "", (value,))
            for index in range(count)
        ]
    return [iteration.element(interpreter, value, node) for _ in range(count)]


def _of_gradients(owner: Gradients, position: int) -> Gradients:
    """One of the gradients, or, where several lists of weights were asked for, those of one list."""
    sources = owner.sources
    if isinstance(sources, Collection) and sources.complete and not sources.grown and owner.index is None:
        asked = sources.items[position] if -len(sources.items) <= position < len(sources.items) else None
        if isinstance(asked, WeightList):
            return Gradients(owner.event, asked, owner.target, owner.tensor, position % len(sources.items))
    return Gradients(owner.event, sources, owner.target, owner.tensor, position)


def write(interpreter: Interpreter, owner: Value, index: Value, value: Value) -> None:
    """`owner[index] = value`."""
    if isinstance(owner, Collection):
        put_into_either(interpreter, owner, value)
        items = owner.items
        if (
            owner.complete
            and isinstance(index, Constant)
            and isinstance(index.value, int)
            and -len(items) <= index.value < len(items)
        ):
            position = index.value % len(items)
            interpreter.store.put(owner.fields, "items", (*items[:position], value, *items[position + 1 :]))
        else:
            interpreter.store.put(owner.fields, "items", (*items, value))
            interpreter.store.put(owner.fields, "complete", False)
    elif isinstance(owner, (Unknown, Union_)):
        put_into(interpreter, owner, value)
    elif isinstance(owner, Mapping):
        if isinstance(index, Constant):
            try:
                interpreter.store.put(owner.entries, index.value, value)
            except TypeError:
                return
        else:
            interpreter.store.put(owner.entries, ("unknown", len(owner.entries)), value)
            interpreter.store.put(owner.fields, "complete", False)
    elif isinstance(owner, Instance):
        from regrad.analysis.interpreter import Call

        found = owner.cls.find("__setitem__")
        if found is not None and isinstance(found[0], Function):
            interpreter.call(BoundMethod(owner, found[0]), Call(found[0].node, (index, value)))


def put_into(interpreter: Interpreter, owner: Value, value: Value) -> None:
    """Something is put into a list of which it is not known which one it is, or where: each may hold it from now on."""
    stack, seen = [owner], set[int]()
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, Unknown) and current.origin == "element":
            stack.extend(current.parents)
        elif isinstance(current, Union_):
            stack.extend(current.alternatives)
        elif isinstance(current, Collection):
            interpreter.store.put(current.fields, "items", bounded((*current.items, value), False)[0])
            interpreter.store.put(current.fields, "complete", False)
            stack.extend(current.fields.get("#either") or ())


def put_into_either(interpreter: Interpreter, owner: Collection, value: Value) -> None:
    """The same of the lists that one list stands for, where it is one of several."""
    for each in owner.fields.get("#either") or ():
        put_into(interpreter, each, value)


def filled(interpreter: Interpreter, array: Tensor, value: Value, node: ast.AST) -> Tensor:
    """An array after `array[index] = value`; a tensor that is put in has left TensorFlow."""
    from regrad.analysis.library.operation_calls import carries_tensor

    leaves = carries_tensor(value)
    inputs = (array, value) if leaves or isinstance(value, Tensor) else (array,)
    return interpreter.operation(
        "numpy",
        "setitem",
        node,
        inputs,
        Transfer.LEAVES if leaves else Transfer.FLOWS,
        dtype=array.dtype,
        shape=array.shape,
        numpy=True,
        facts=array.facts if not leaves else frozenset(),
        high=array.high if not leaves else None,
    )
