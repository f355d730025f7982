"""What a literal says of the array that is made of it: dtype, shape, facts and largest number."""

from __future__ import annotations

import math

from regrad.analysis import operators
from regrad.analysis.operations import FLOAT_DTYPES, is_integer
from regrad.analysis.values import Collection, Constant, External, Shape, Tensor, Union_, Unknown, Value, Variable

_NUMBERS = {"builtins.float": "float64", "builtins.int": "int64"}
"""What makes one number of whatever it is given, as rows of a file are read."""


def literal_array(value: Collection, dtype: str | None) -> tuple[str | None, Shape | None, frozenset[str], int | None]:
    """What a nested list of numbers says: dtype, shape, whether these can be labels, and the largest."""
    shape: list[int | None] = []
    level: Value = value
    while isinstance(level, Collection):
        shape.append(len(level.items) if level.size is not None else None)
        if not level.items:
            return dtype, None, frozenset(), None
        level = level.items[0]
    if isinstance(level, Unknown) and level.label in _NUMBERS:
        return dtype or _NUMBERS[level.label], tuple(shape), frozenset(), None
    if isinstance(level, (Tensor, Variable, Unknown, Union_)):
        inner = operators.shape_of(level)
        found = operators.dtype_of(level)
        return dtype or found, (*shape, *inner) if inner is not None else None, frozenset(), None
    numbers = [item.value for item in _numbers(value, 4096)]
    if not numbers or not isinstance(level, Constant):
        return dtype, tuple(shape), frozenset(), None
    whole = all(isinstance(number, int) for number in numbers)
    facts: set[str] = set()
    high = int(max(numbers)) if all(float(number).is_integer() for number in numbers) and min(numbers) >= 0 else None
    if high is not None and high <= 1:
        facts.add("binary")
    if whole and high is not None:
        facts.add("labels")
    if high == 1 and len(shape) == 2 and (shape[1] or 0) > 1 and _rows_sum_to_one(value):
        facts.add("one-hot")
    return dtype or ("int64" if whole else "float64"), tuple(shape), frozenset(facts), high


def _numbers(value: Value, limit: int) -> list[Constant]:
    found: list[Constant] = []
    queue: list[Value] = [value]
    while queue and len(found) < limit:
        item = queue.pop()
        if isinstance(item, Collection):
            queue.extend(item.items)
        elif isinstance(item, Constant) and isinstance(item.value, (int, float)):
            found.append(item)
        else:
            return []
    return found


def _rows_sum_to_one(value: Collection) -> bool:
    for row in value.items:
        if not isinstance(row, Collection):
            return False
        numbers = [item.value for item in row.items if isinstance(item, Constant)]
        if len(numbers) != len(row.items) or sum(numbers) != 1:
            return False
    return True


def dtype_value(value: Value | None) -> str | None:
    """A dtype argument as a name."""
    if isinstance(value, Constant) and isinstance(value.value, str):
        return value.value
    if isinstance(value, External):
        last = value.name.rpartition(".")[2]
        if value.name in ("builtins.float", "builtins.int", "builtins.bool"):
            return {"float": "float64", "int": "int64", "bool": "bool"}[last]
        return last if last in FLOAT_DTYPES or is_integer(last) else None
    return None


def sizes(value: Value | None) -> Shape | None:
    """A shape argument."""
    if isinstance(value, Constant) and isinstance(value.value, int):
        return (value.value,)
    if isinstance(value, Collection) and value.complete:
        return tuple(
            item.value if isinstance(item, Constant) and isinstance(item.value, int) else None for item in value.items
        )
    return None


def reshaped(shape: Shape | None, target: Shape | None) -> Shape | None:
    """The shape after `reshape`, with the size that -1 stands for where the number of elements is known."""
    if target is None:
        return None
    rest = [size for size in target if size != -1]
    sizes_before = () if shape is None else shape
    certain = shape is not None and None not in sizes_before and None not in rest and len(rest) == len(target) - 1
    if not certain:
        return tuple(None if size == -1 else size for size in target)
    elements, others = (math.prod(size for size in part if size is not None) for part in (sizes_before, rest))
    left = elements // others if others > 0 and elements % others == 0 else None
    return tuple(left if size == -1 else size for size in target)
