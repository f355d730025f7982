"""Steps that belong together: a whole part and the rest, a number and the same number rounded, two decisions in one.

Each of them alone has a stand-in; softened one by one, they say something else than before, or nothing at all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from regrad.analysis.operations import is_integer
from regrad.analysis.values import Constant, Operation, Tensor, Value
from regrad.codemods.engine.broken_paths import operand
from regrad.codemods.engine.without_slope import COMPARING, ROUNDING, NoSurrogate

if TYPE_CHECKING:
    from regrad.codemods.engine.surrogates import Softener

LOGICAL = frozenset({"logical_and", "logical_or", "logical_xor"})
_TAKING_AWAY = frozenset({"subtract", "sub", "squared_difference"})
_RESTS = frozenset({"floormod", "mod", "truncatemod"})
_WHOLE_PARTS = frozenset({"floordiv", "floor_divide", "floor_div", "truncatediv"})
_DIVIDING = frozenset({"divide", "truediv", "div", "realdiv"})
_DEEPEST = 4
_SAME = frozenset({"identity", "reshape", "squeeze", "expand_dims"})


def refuse_what_belongs_together(values: Sequence[Tensor]) -> None:
    """Raises `NoSurrogate` where a number meets itself rounded, or its whole part stands beside the rest."""
    for value in values:
        operation = value.operation
        if operation.name in COMPARING | _TAKING_AWAY and len(operation.inputs) >= 2:
            (one, rounded), (other, also) = (_unrounded(each) for each in operation.inputs[:2])
            if (rounded or also) and _alike(one, other):
                raise NoSurrogate(
                    "a number is compared with the same number rounded, and nothing is left of that without rounding",
                    "whole = x + tf.stop_gradient(tf.floor(x) - x)\nrest = x - tf.stop_gradient(tf.floor(x))",
                )
    divided = [part for value in values for part in _divided(value)]
    for value in values:
        operation = value.operation
        if operation.name in _RESTS and operation.inputs:
            rest_of = _unrounded(operation.inputs[0])[0]
            if any(_alike(rest_of, each) for each in divided):
                raise NoSurrogate(
                    "the whole part and the rest belong together; without rounding, the rest would be counted twice",
                    "whole = x / n + tf.stop_gradient(tf.floor(x / n) - x / n)\nrest = x - n * whole",
                )


def _divided(value: Tensor) -> Iterator[Value]:
    """What is taken to pieces here: a number by its whole part, a numerator by that of its quotient."""
    name, inputs = value.operation.name, value.operation.inputs
    if inputs and (name in _WHOLE_PARTS or name in ROUNDING):
        whole = _unrounded(inputs[0])[0]
        yield whole
        if isinstance(whole, Tensor) and whole.operation.name in _DIVIDING and whole.operation.inputs:
            yield _unrounded(whole.operation.inputs[0])[0]


def _alike(one: Value, other: Value, depth: int = 0) -> bool:
    """Whether two values are the same, or the same part of the same value written twice."""
    if one is other:
        return True
    if isinstance(one, Constant) and isinstance(other, Constant):
        return bool(one.value == other.value)
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or depth > _DEEPEST:
        return False
    mine, theirs = one.operation, other.operation
    if mine.name != theirs.name or mine.kind != theirs.kind or mine.kind not in ("op", "operator", "index"):
        return False
    if len(mine.inputs) != len(theirs.inputs) or not mine.inputs or mine.node is None or theirs.node is None:
        return False
    same = ast.dump(mine.node) == ast.dump(theirs.node)
    return same and all(_alike(a, b, depth + 1) for a, b in zip(mine.inputs, theirs.inputs, strict=True))


def _unrounded(value: Value) -> tuple[Value, bool]:
    """The number behind casts and rounding, and whether it was rounded on the way."""
    rounded = False
    while isinstance(value, Tensor) and value.operation.inputs:
        name = value.operation.name
        if name in ROUNDING or (name == "cast" and is_integer(value.dtype)):
            rounded = True
        elif name != "cast" and name not in _SAME:
            break
        value = value.operation.inputs[0]
    return value, rounded


def combined(softener: Softener, node: ast.expr, operation: Operation) -> str:
    """Two decisions in one: the product of their shares, the larger one, or the share of exactly one."""
    parts = operation.inputs[:2]
    if any(isinstance(each, Tensor) and each.dtype != "bool" and is_integer(each.dtype) for each in parts):
        raise NoSurrogate("the bits of whole numbers have no slope")
    left, right = (_share(softener, *each) for each in zip(softener.operands(node), parts, strict=True))
    if operation.name == "logical_and":
        return f"{left} * {right}"
    if operation.name == "logical_or":
        return f"{softener.say('maximum')}({left}, {right})"
    return f"{left} + {right} - 2.0 * {left} * {right}"


def _share(softener: Softener, node: ast.expr, value: Value) -> str:
    """A decision as a number: one that carries no weights stays as it is, and is cast."""
    text = softener.soft(node)
    decided = id(value) not in softener.chain and not isinstance(value, Constant)
    if decided and isinstance(value, Tensor) and value.dtype not in (None, "bool"):
        decided = False
    return f"{softener.say('cast')}({text}, {softener.say('float32')})" if decided else operand(text)
