"""Python's operators over abstract values: constants are folded, tensors make operations."""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from regrad.analysis import counting, joining, layer_names
from regrad.analysis.layer_names import AutomaticName
from regrad.analysis.operations import Transfer
from regrad.analysis.values import (
    GIVEN,
    PLAIN,
    UNKNOWN,
    Collection,
    Constant,
    Gradients,
    Mapping,
    Shape,
    Tensor,
    Union_,
    Unknown,
    Value,
    Variable,
    WeightList,
    bounded,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter

_FOLD: dict[type, Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
}
_NAMES: dict[type, str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floordiv",
    ast.Mod: "floormod",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.BitAnd: "logical_and",
    ast.BitOr: "logical_or",
    ast.BitXor: "logical_xor",
    ast.LShift: "left_shift",
    ast.RShift: "right_shift",
}
LONGEST = 10_000
"""No folded text or list grows past this; `"a" * 10**9` stays unknown."""


def is_numeric(value: Value) -> bool:
    """Whether arithmetic on it makes a tensor or array."""
    return isinstance(value, (Tensor, Variable, Gradients)) or (
        isinstance(value, Union_) and any(is_numeric(v) for v in value.alternatives)
    )


def binary(interpreter: Interpreter, node: ast.AST, op: ast.operator, left: Value, right: Value) -> Value:
    """`left op right`."""
    if isinstance(left, Constant) and isinstance(right, Constant):
        return _fold(node, op, left.value, right.value)
    if isinstance(op, ast.Add):
        together = concatenate(left, right)
        if together is not None:
            return together
    if (
        isinstance(op, ast.Mult)
        and isinstance(left, Collection)
        and isinstance(right, Constant)
        and isinstance(right.value, int)
    ):
        if 0 <= right.value * len(left.items) <= 64:
            return Collection(left.kind, left.items * right.value, left.complete, node, left.grown)
        return Collection(left.kind, left.items, False, node)
    if isinstance(op, ast.Mult) and not (is_numeric(left) or is_numeric(right)):
        row = left if isinstance(left, Collection) else right
        if isinstance(row, Collection):
            # `[0.0] * length`: how many there are is not known, what they are is.
            return Collection(row.kind, row.items, False, node)
    if is_numeric(left) or is_numeric(right):
        return arithmetic(interpreter, node, op, left, right)
    if isinstance(left, Constant) and isinstance(left.value, str):
        return UNKNOWN
    if (_is_size(left) or _is_size(right)) and all(
        _is_size(each) or isinstance(each, Constant) for each in (left, right)
    ):
        return interpreter.unknown(PLAIN, "size", ())
    return interpreter.unknown("call", _NAMES.get(type(op), ""), (left, right))


def _is_size(value: Value) -> bool:
    """Whether it is a size of a tensor, or computed from sizes."""
    while isinstance(value, Unknown) and value.origin == "element" and value.parents:
        value = value.parents[0]
    return isinstance(value, Unknown) and value.origin == PLAIN


def _reads_in(value: Collection) -> tuple[ast.AST, ...]:
    return tuple(node for item in value.items if isinstance(item, WeightList) for node in item.reads)


def concatenate(left: Value, right: Value) -> Value | None:
    """Two lists behind each other, of which one may be the weights of a model; None for anything else."""
    if isinstance(left, Collection) and isinstance(right, Collection):
        items, complete = bounded(left.items + right.items, left.complete and right.complete)
        return Collection(left.kind, items, complete, left.node, left.grown or right.grown)
    if isinstance(left, WeightList) and isinstance(right, WeightList):
        sources = (*left.sources, *(s for s in right.sources if s not in left.sources))
        return WeightList(
            (*left.owners, *right.owners),
            left.attribute,
            sources,
            left.complete and right.complete,
            left.node,
            (*left.reads, *right.reads),
        )
    if isinstance(left, WeightList) and isinstance(right, Collection):
        return WeightList(
            (*left.owners, right),
            left.attribute,
            (*left.sources, *right.items),
            left.complete and right.complete,
            left.node,
            (*left.reads, *_reads_in(right)),
        )
    if isinstance(left, Collection) and isinstance(right, WeightList):
        return WeightList(
            (left, *right.owners),
            right.attribute,
            (*left.items, *right.sources),
            left.complete and right.complete,
            right.node,
            (*_reads_in(left), *right.reads),
        )
    if isinstance(left, (WeightList, Collection)) and isinstance(right, Unknown):
        return WeightList((left, right), "unknown", (left, right), False)
    if isinstance(right, WeightList) and isinstance(left, Unknown):
        return WeightList((left, right), "unknown", (left, right), False)
    return None


def joined_lists(lists: Iterable[Value]) -> Value | None:
    """Several lists behind each other; None where one of them is of another kind."""
    whole: Value | None = Collection("list", (), True, None)
    for each in lists:
        whole = concatenate(whole, each) if whole is not None else None
    return whole


def arithmetic(interpreter: Interpreter, node: ast.AST, op: ast.operator, left: Value, right: Value) -> Tensor:
    """An operation on tensors; integer results carry no gradient, `//` has none."""
    name = _NAMES.get(type(op), "operator")
    transfer = Transfer.NONE if isinstance(op, ast.FloorDiv) else Transfer.FLOWS
    numpy = all(not is_numeric(v) or (isinstance(v, Tensor) and v.numpy) for v in (left, right))
    dtype = result_dtype(left, right)
    if isinstance(op, ast.Div) and dtype is not None and dtype.startswith(("int", "uint")):
        dtype = "float64"
    facts: frozenset[str] = frozenset()
    return interpreter.operation(
        "operator",
        name,
        node,
        (left, right),
        transfer,
        dtype=dtype,
        shape=(product if isinstance(op, ast.MatMult) else broadcast)(shape_of(left), shape_of(right)),
        numpy=numpy,
        facts=facts,
    )


def product(one: Shape | None, other: Shape | None) -> Shape | None:
    """The shape of a matrix product; None where it is not known."""
    if not one or not other:
        return None
    if len(other) == 1:
        return one[:-1]
    if len(one) == 1:
        return (*other[:-2], other[-1])
    batch = broadcast(one[:-2], other[:-2])
    return None if batch is None else (*batch, one[-2], other[-1])


def shape_of(value: Value) -> Shape | None:
    if isinstance(value, Tensor):
        return value.shape
    if isinstance(value, Constant) and isinstance(value.value, (int, float, bool)):
        return ()
    if isinstance(value, Variable):
        shape: Shape | None = value.fields.get("shape")
        return shape
    return None


def dtype_of(value: Value) -> str | None:
    """The dtype as far as it is known; Python numbers are `weak`."""
    if isinstance(value, Tensor):
        return value.dtype
    if isinstance(value, Variable):
        dtype = value.fields.get("dtype")
        return dtype if isinstance(dtype, str) else None
    if isinstance(value, Constant) and isinstance(value.value, (int, float)):
        return "weak"
    return None


def result_dtype(left: Value, right: Value) -> str | None:
    one, other = dtype_of(left), dtype_of(right)
    if one == "weak":
        return other
    if other == "weak":
        return one
    return one if one == other else None


def broadcast(one: Shape | None, other: Shape | None) -> Shape | None:
    """The broadcast shape; None where it is not known."""
    if one is None or other is None:
        return None
    if len(one) < len(other):
        one, other = other, one
    padded = (1,) * (len(one) - len(other)) + other
    return tuple(
        b if a == 1 else a if b == 1 else (a if a is not None else b) for a, b in zip(one, padded, strict=True)
    )


def _fold(node: ast.AST, op: ast.operator, left: Any, right: Any) -> Value:
    try:
        if isinstance(op, ast.Pow):
            if (
                isinstance(left, (int, float))
                and isinstance(right, (int, float))
                and abs(left) < 1e6
                and abs(right) < 64
            ):
                return Constant(left**right, node)
            return UNKNOWN
        fold = _FOLD.get(type(op))
        if fold is None:
            return UNKNOWN
        if isinstance(op, ast.Mult) and (isinstance(left, (str, bytes)) or isinstance(right, (str, bytes))):
            return UNKNOWN
        if isinstance(op, ast.Mod) and isinstance(left, (str, bytes)):
            return UNKNOWN
        result = fold(left, right)
        if isinstance(result, (str, bytes)) and len(result) > LONGEST:
            return UNKNOWN
        if isinstance(result, int) and abs(result) > 1 << 64:
            return UNKNOWN
        return Constant(result, node)
    except Exception:
        return UNKNOWN


def augmented(interpreter: Interpreter, node: ast.AugAssign, left: Value, right: Value) -> Value:
    """`left op= right`: a list grows in place, everything else is rebound."""
    if isinstance(node.op, ast.Add) and isinstance(left, Collection) and left.kind == "list":
        from regrad.analysis import subscripts

        for item in right.items if isinstance(right, Collection) else (right,):
            subscripts.put_into_either(interpreter, left, item)
        if isinstance(right, Collection):
            items, complete = bounded(left.items + right.items, left.complete and right.complete)
            interpreter.store.put(left.fields, "items", items)
            interpreter.store.put(left.fields, "complete", complete)
            if right.grown or counting.grows(interpreter, left):
                interpreter.store.put(left.fields, "#grown", True)
        else:
            if isinstance(right, WeightList):
                interpreter.store.put(left.fields, "items", left.with_weights(right))
                interpreter.store.put(left.fields, "complete", False)
                return left
            interpreter.store.put(left.fields, "complete", False)
        return left
    return binary(interpreter, node, node.op, left, right)


def unary(interpreter: Interpreter, node: ast.UnaryOp, operand: Value) -> Value:
    """`-x`, `+x`, `~x`, `not x`."""
    if isinstance(node.op, ast.Not):
        from regrad.analysis.truth import truth

        known = truth(operand)
        return UNKNOWN if known is None else Constant(not known, node)
    if isinstance(operand, Constant):
        try:
            if isinstance(node.op, ast.USub):
                return Constant(-operand.value, node)
            if isinstance(node.op, ast.UAdd):
                return Constant(+operand.value, node)
            return Constant(~operand.value, node)
        except Exception:
            return UNKNOWN
    if is_numeric(operand):
        name = (
            "negative"
            if isinstance(node.op, ast.USub)
            else "positive"
            if isinstance(node.op, ast.UAdd)
            else "logical_not"
        )
        transfer = Transfer.INTEGER if name == "logical_not" else Transfer.FLOWS
        numpy = isinstance(operand, Tensor) and operand.numpy
        return interpreter.operation(
            "operator", name, node, (operand,), transfer, dtype=dtype_of(operand), shape=shape_of(operand), numpy=numpy
        )
    return interpreter.unknown("call", "unary", (operand,))


_COMPARE: dict[type, Any] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_COMPARE_NAMES: dict[type, str] = {
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
}


def compare(interpreter: Interpreter, node: ast.Compare, op: ast.cmpop, left: Value, right: Value) -> Value:
    """One comparison; on tensors a boolean tensor."""
    if isinstance(op, (ast.Is, ast.IsNot)):
        same = _identical(left, right)
        return UNKNOWN if same is None else Constant(same if isinstance(op, ast.Is) else not same, node)
    if isinstance(op, (ast.In, ast.NotIn)):
        return _contains(node, op, left, right)
    if isinstance(op, (ast.Eq, ast.NotEq)):
        for name, other in ((left, right), (right, left)):
            if isinstance(name, AutomaticName):
                return _as_asked(node, op, layer_names.equals(name, other, node))
    if isinstance(left, Constant) and isinstance(right, Constant):
        try:
            return Constant(bool(_COMPARE[type(op)](left.value, right.value)), node)
        except Exception:
            return UNKNOWN
    if is_numeric(left) or is_numeric(right):
        numpy = all(not is_numeric(v) or (isinstance(v, Tensor) and v.numpy) for v in (left, right))
        return interpreter.operation(
            "operator",
            _COMPARE_NAMES[type(op)],
            node,
            (left, right),
            Transfer.INTEGER,
            dtype="bool",
            shape=broadcast(shape_of(left), shape_of(right)),
            numpy=numpy,
            facts=frozenset({"binary"}),
        )
    return interpreter.unknown("call", "compare", (left, right))


def _identical(left: Value, right: Value) -> bool | None:
    if isinstance(left, Constant) and isinstance(right, Constant):
        if left.value is None or right.value is None or isinstance(left.value, bool) or isinstance(right.value, bool):
            return left.value is right.value
        return None
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Constant) and one.value is None:
            if isinstance(other, Unknown) and GIVEN in other.facts:
                return False
            return None if isinstance(other, (Unknown, Union_)) else False
    return True if left is right and not isinstance(left, Unknown) else None


def _as_asked(node: ast.Compare, op: ast.cmpop, found: Value) -> Value:
    """An answer to `==` or `in`, turned round for `!=` and `not in`."""
    turned = isinstance(op, (ast.NotEq, ast.NotIn)) and isinstance(found, Constant)
    return Constant(not found.value, node) if turned and isinstance(found, Constant) else found


def _contains(node: ast.Compare, op: ast.cmpop, left: Value, right: Value) -> Value:
    found: bool | None = None
    if isinstance(right, AutomaticName):
        return _as_asked(node, op, layer_names.contains(right, left, node))
    if isinstance(left, AutomaticName):
        return _as_asked(node, op, layer_names.among(left, right, node))
    if isinstance(left, Constant):
        if isinstance(right, Constant) and isinstance(right.value, str) and isinstance(left.value, str):
            found = left.value in right.value
        elif isinstance(right, Mapping) and right.complete:
            found = left.value in right.entries
        elif (
            isinstance(right, Collection) and right.complete and all(isinstance(item, Constant) for item in right.items)
        ):
            found = any(isinstance(item, Constant) and item.value == left.value for item in right.items)
    if found is None:
        return UNKNOWN
    return Constant(found if isinstance(op, ast.In) else not found, node)


def either(interpreter: Interpreter, one: Value, other: Value) -> Value:
    """One of two values."""
    result: Value = joining.join(interpreter, one, other)
    return result
