"""What a value of the program is, in single precision, where one output that it is computed from is a given number."""

from __future__ import annotations

import ast
import operator
import struct
from collections.abc import Callable

from regrad.analysis.choices import choice
from regrad.analysis.values import Constant, Operation, Tensor, Value
from regrad.analysis.walking import each_once

_DEEPEST = 16
_SHAPES = frozenset(
    "reshape squeeze expand_dims transpose flatten ravel identity convert_to_tensor cast split unstack tile"
    " batch_flatten permute_dimensions".split()
)
_PICKS = frozenset("gather gather_nd batch_gather take take_along_axis boolean_mask".split())
_COMPUTED: dict[str, Callable[[float, float], float]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "minimum": min,
    "maximum": max,
    "equal": lambda one, other: float(one == other),
    "not_equal": lambda one, other: float(one != other),
    "less": lambda one, other: float(one < other),
    "less_equal": lambda one, other: float(one <= other),
    "greater": lambda one, other: float(one > other),
    "greater_equal": lambda one, other: float(one >= other),
    "logical_and": lambda one, other: float(bool(one) and bool(other)),
    "logical_or": lambda one, other: float(bool(one) or bool(other)),
}
_TURNED: dict[str, Callable[[float], float]] = {
    "negative": operator.neg,
    "abs": abs,
    "square": lambda number: number * number,
    "logical_not": lambda number: float(not number),
    "ones_like": lambda number: 1.0,
    "zeros_like": lambda number: 0.0,
}


def number_at(value: Value, output: Tensor, number: float) -> float | None:
    """What an element of the value is where the output is that number; None where that is not certain."""
    element = Element(output, number)
    found = element.number(value)
    return None if element.picked else found


class Element:
    """One element of the value, computed as the program does, with one output at a given number and any mask of
    zeros and ones at one minus that.
    """

    def __init__(self, output: Tensor, at: float) -> None:
        self._output = output
        self._at = at
        self._mask: Value | None = None
        self.picked = False
        """Whether it is one of a row that data or a mask pick."""

    def number(self, value: Value, depth: int = 0) -> float | None:
        """The number in single precision; None where it is not certain."""
        if value is self._output:
            return self._at
        if isinstance(value, Constant):
            return _single(value.value) if isinstance(value.value, (int, float)) else None
        if not isinstance(value, Tensor) or depth > _DEEPEST:
            return None
        name, inputs = value.operation.name, value.operation.inputs
        if not inputs or name == "one_hot":
            return self._masked(value)
        if name in _PICKS:
            self.picked = True
            rest = inputs[1:]
            return None if any(self._involved(each) for each in rest) else self.number(inputs[0], depth + 1)
        if name in ("reduce_sum", "reduce_max", "sum", "max"):
            return self._row(inputs[0], depth)
        if name == "getitem":
            self.picked = self.picked or not _written_out(value.operation.node)
            return self.number(inputs[0], depth + 1)
        if name in _SHAPES:
            return self.number(inputs[0], depth + 1)
        if name in ("where", "select"):
            return self._chosen(value.operation, depth)
        numbers = [self.number(each, depth + 1) for each in inputs]
        known = [number for number in numbers if number is not None]
        if name in ("clip_by_value", "clip") and len(known) == len(numbers) == 3:
            return min(max(known[0], known[1]), known[2])
        if len(known) < len(numbers):
            return None
        if name in _TURNED and len(known) == 1:
            return _TURNED[name](known[0])
        if name in _COMPUTED and len(known) == 2:
            return _single(_COMPUTED[name](*known))
        return None

    def _chosen(self, where: Operation, depth: int) -> float | None:
        given = choice(where)
        said = self.number(given.condition, depth + 1) if given.condition is not None else None
        branch = None if said is None else given.chosen if said else given.other
        return self.number(branch, depth + 1) if branch is not None else None

    def _row(self, value: Value, depth: int) -> float | None:
        """The sum over a row of which a mask leaves one element."""
        product = isinstance(value, Tensor) and value.operation.name == "multiply"
        before, self._mask = self._mask, None
        number = self.number(value, depth + 1) if product else None
        picked = self._mask is not None
        self._mask = self._mask or before
        return number if picked and number == 0.0 else None

    def _masked(self, value: Value) -> float | None:
        """What the only mask says: the opposite of the output."""
        if not isinstance(value, Tensor) or value.operation.kind == "random":
            return None
        if (value.operation.kind, value.operation.name) != ("data", "data") and value.operation.name != "one_hot":
            return None
        if self._mask is not None and self._mask is not value:
            return None
        self._mask, self.picked = value, True
        return 1.0 - self._at

    def _involved(self, value: Value) -> bool:
        behind = each_once([value], lambda each: each.operation.inputs if isinstance(each, Tensor) else ())
        return any(each is self._output for each in behind)


def _single(number: float) -> float | None:
    try:
        rounded: float = struct.unpack("f", struct.pack("f", number))[0]
    except OverflowError:
        return None
    return rounded


def _written_out(node: ast.AST | None) -> bool:
    """Whether a subscript names the elements by numbers, so that they are not those of an action that was drawn."""
    if not isinstance(node, ast.Subscript):
        return False
    allowed = (ast.Constant, ast.Slice, ast.Tuple, ast.UnaryOp, ast.USub, ast.expr_context)
    return all(isinstance(each, allowed) for each in ast.walk(node.slice))
