"""All numbers that a value has at the first step, where the program says each of them: written out, counted, spaced."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from regrad.analysis.events import Fetched
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Constant, Mapping, Tensor, Value, Variable

Numbers = frozenset[float]
_MOST = 1024
_DEEPEST = 24
_PASSING = frozenset(
    "astype reshape expand_dims flatten ravel transpose array asarray convert_to_tensor constant cast identity tile"
    " copy squeeze float32 float64".split()
)
_JOINING = frozenset("hstack vstack stack concatenate column_stack concat".split())


def first_numbers(program: Program, value: Value | None, depth: int = 0) -> Numbers | None:
    """Exactly the numbers that are among the elements of a value; None where they are not all known."""
    if isinstance(value, Constant):
        number = value.value
        known = isinstance(number, (int, float)) and not isinstance(number, bool)
        return frozenset({float(number)}) if known else None
    if isinstance(value, Collection):
        return _of_all(program, value.items, depth) if value.complete and not value.grown else None
    if isinstance(value, Variable):
        return first_numbers(program, value.initial, depth + 1) if value.maker == "tf.Variable" else None
    if not isinstance(value, Tensor) or depth > _DEEPEST:
        return None
    operation = value.operation
    inputs = operation.inputs
    if operation.name in ("zeros", "ones") and operation.kind == "constant":
        return frozenset({float(operation.name == "ones")})
    if operation.name == "placeholder":
        return _fed(program, value, depth)
    if operation.name == "arange":
        return _counted(inputs)
    if operation.name == "linspace":
        return _spaced(inputs)
    if operation.name in _JOINING or (operation.name in _PASSING and operation.kind == "constant"):
        return _of_all(program, inputs, depth)
    if operation.name in _PASSING or (operation.name == "getitem" and _takes_all(operation.node)):
        return first_numbers(program, inputs[0], depth + 1) if inputs else None
    if operation.name == "matmul" and len(inputs) == 2:
        return _computed(program, "multiply", inputs, depth) if _adds_nothing_up(*inputs) else None
    if operation.kind == "operator" and len(inputs) == 2:
        return _computed(program, operation.name, inputs, depth)
    return None


def _of_all(program: Program, parts: Iterable[Value], depth: int) -> Numbers | None:
    found: set[float] = set()
    for part in parts:
        numbers = first_numbers(program, part, depth + 1)
        if numbers is None:
            return None
        found |= numbers
    return frozenset(found) if 0 < len(found) <= _MOST else None


def _fed(program: Program, placeholder: Tensor, depth: int) -> Numbers | None:
    """What sessions feed for a placeholder; where they feed several things, which comes first is not known."""
    given = {
        id(value): value
        for event in program.of(Fetched)
        if isinstance(event.feed, Mapping)
        for key, value in event.feed.entries.items()
        if key is placeholder
    }
    found = {first_numbers(program, value, depth + 1) for value in given.values()}
    return found.pop() if len(found) == 1 else None


def _counted(inputs: tuple[Value, ...]) -> Numbers | None:
    ends = [each.value if isinstance(each, Constant) else None for each in inputs]
    whole = [each for each in ends if type(each) is int]
    if not whole or len(whole) < len(ends) or len(ends) > 3 or (len(ends) == 3 and whole[2] == 0):
        return None
    numbers = range(*whole)
    return frozenset(float(each) for each in numbers) if 0 < len(numbers) <= _MOST else None


def _spaced(inputs: tuple[Value, ...]) -> Numbers | None:
    ends = [float(each.value) for each in inputs if isinstance(each, Constant) and type(each.value) in (int, float)]
    if len(ends) != 3 or len(inputs) != 3 or not 2 <= ends[2] <= _MOST:
        return None
    start, stop, count = ends
    return frozenset(start + place * (stop - start) / (count - 1) for place in range(int(count)))


def _adds_nothing_up(one: Value, other: Value) -> bool:
    """Whether the first factor of a product has one column, and so the second one row."""
    if isinstance(other, Variable) and other.initial is not None:
        other = other.initial
    column = isinstance(one, Tensor) and one.shape is not None and one.shape[-1:] == (1,)
    row = isinstance(other, Tensor) and other.shape is not None and len(other.shape) == 2 and other.shape[0] == 1
    return column or row


def _computed(program: Program, name: str, inputs: tuple[Value, ...], depth: int) -> Numbers | None:
    one, other = (first_numbers(program, each, depth + 1) for each in inputs)
    # Of two values with several numbers each it is not known which meet.
    if one is None or other is None or min(len(one), len(other)) > 1:
        return None
    if name == "add":
        return frozenset(a + b for a in one for b in other)
    if name == "subtract":
        return frozenset(a - b for a in one for b in other)
    if name == "multiply":
        return frozenset(a * b for a in one for b in other)
    if name in ("divide", "truediv") and 0 not in other:
        return frozenset(a / b for a in one for b in other)
    return None


def _takes_all(node: ast.AST | None) -> bool:
    """Whether a subscript only adds axes: `x[:, None]`, `x[..., tf.newaxis]`."""
    if not isinstance(node, ast.Subscript):
        return False
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return all(
        (isinstance(part, ast.Slice) and part.lower is part.upper is part.step is None)
        or (isinstance(part, ast.Constant) and part.value in (None, ...))
        or (isinstance(part, ast.Attribute) and part.attr == "newaxis")
        for part in parts
    )
