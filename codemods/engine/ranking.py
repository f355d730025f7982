"""Ranks, which have no slope, and the soft ranks that take their place: how many of the others lie below, softly."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import NamedTuple


class RankFunction(NamedTuple):
    """A function in NumPy that gives its one argument's ranks back: the statements that do, and the first rank.

    `of_rows` says whether it ranks along the last axis, whatever stands before that; otherwise it ranks a vector.
    """

    parameter: str
    statements: tuple[ast.stmt, ...]
    first: int
    of_rows: bool = False


_PAIRS = {
    None: ("{0}[:, None]", "{0}[None, :]", "1"),
    -1: ("{0}[..., :, None]", "{0}[..., None, :]", "-1"),
    0: ("{0}[:, None]", "{0}[None]", "1"),
    1: ("{0}[:, :, None]", "{0}[:, None]", "2"),
}
"""By the axis that is ranked along: each number, the others beside it, and the axis of the others."""


def soft_rank(
    values: str,
    first: int,
    say: Callable[[str], str],
    axis: int | None = None,
    *,
    descending: bool = False,
    whole: bool = False,
) -> str:
    """The soft ranks of numbers, counted from `first`; `values` is a name, or in one piece.

    The numbers are those of a vector, or those along `axis` (-1, 0 or 1); with `descending` the largest comes first.
    `whole` numbers are made floating point.
    """
    # Each is compared with itself as well, which counts one half.
    shift = "- 0.5" if first == 0 else "+ 0.5"
    each, others, place = _PAIRS[axis]
    if descending:
        each, others = others, each
    differences = f"({each.format(values)} - {others.format(values)})"
    if whole:
        differences = f"{say('cast')}({differences[1:-1]}, {say('float32')})"
    return f"{say('reduce_sum')}({say('sigmoid')}(10.0 * {differences}), axis={place}) {shift}"


def rank_function(function: ast.FunctionDef) -> RankFunction | None:
    """The function as one that ranks: `ranks[order] = arange(…)` behind `order = argsort(v)`, or `argsort` twice."""
    arguments = function.args
    if len(arguments.args) != 1 or arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs:
        return None
    parameter = arguments.args[0].arg
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    of_rows = len(body) != 4
    first = _sorted_twice(body, parameter) if of_rows else _scattered(body, parameter)
    return RankFunction(parameter, tuple(body), first, of_rows) if first is not None else None


def _scattered(body: list[ast.stmt], parameter: str) -> int | None:
    order, empty, filled, last = body
    order_name, ranks_name = _assigned(order), _assigned(empty)
    if not (
        isinstance(order, ast.Assign)
        and isinstance(empty, ast.Assign)
        and isinstance(filled, ast.Assign)
        and isinstance(last, ast.Return)
        and order_name
        and ranks_name
        and _name(_sorted(order.value)) == parameter
        and _last_name(empty.value) in ("empty", "empty_like", "zeros", "zeros_like")
        and isinstance(filled.targets[0], ast.Subscript)
        and _name(filled.targets[0].value) == ranks_name
        and _name(filled.targets[0].slice) == order_name
        and _name(_without_dtype(last.value)) == ranks_name
    ):
        return None
    counted = _without_dtype(filled.value)
    if not isinstance(counted, ast.Call) or _last_name(counted) != "arange":
        return None
    if len(counted.args) == 1:
        return 0 if _is_length(counted.args[0], parameter) else None
    if len(counted.args) == 2 and _number(counted.args[0]) == 1:
        stop = counted.args[1]
        if isinstance(stop, ast.BinOp) and isinstance(stop.op, ast.Add):
            sides = (stop.left, stop.right)
            return 1 if any(_is_length(side, parameter) for side in sides) and 1 in map(_number, sides) else None
    return None


def _sorted_twice(body: list[ast.stmt], parameter: str) -> int | None:
    names: dict[str, ast.expr] = {}
    for statement in body[:-1]:
        name = _assigned(statement)
        if name is None or not isinstance(statement, ast.Assign):
            return None
        names[name] = statement.value
    last = body[-1] if body else None
    if not isinstance(last, ast.Return) or last.value is None or len(body) > 3:
        return None

    def resolved(node: ast.expr | None) -> ast.expr | None:
        node = _without_dtype(node)
        return resolved(names[node.id]) if isinstance(node, ast.Name) and node.id in names else node

    value, first = resolved(last.value), 0
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add) and _number(value.right) == 1:
        value, first = resolved(value.left), 1
    inner = resolved(_sorted(value))
    return first if inner is not None and _name(_sorted(inner)) == parameter else None


def _sorted(node: ast.expr | None) -> ast.expr | None:
    """What is sorted along the last axis: the argument of `np.argsort(v)`, the owner of `v.argsort()`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "argsort":
        return None
    of_numpy = _name(node.func.value) in ("np", "numpy")
    owner, given = (node.args[0], node.args[1:]) if of_numpy and node.args else (node.func.value, node.args)
    axes = [*given, *(each.value for each in node.keywords if each.arg == "axis")]
    if len(axes) > 1 or len(axes) != len(given) + len(node.keywords) or any(ast.unparse(axis) != "-1" for axis in axes):
        return None
    return None if of_numpy and not node.args else owner


def _without_dtype(node: ast.expr | None) -> ast.expr | None:
    """`x` of `x.astype("float32")` and `np.float32(x)`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or len(node.args) != 1:
        return node
    if node.func.attr == "astype":
        return _without_dtype(node.func.value)
    return _without_dtype(node.args[0]) if node.func.attr in ("float32", "float64") else node


def _assigned(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        return _name(statement.targets[0])
    return None


def _is_length(node: ast.expr, parameter: str) -> bool:
    """`len(v)`, `v.size`, `v.shape[0]`."""
    if isinstance(node, ast.Call) and _name(node.func) == "len" and len(node.args) == 1:
        return _name(node.args[0]) == parameter
    if isinstance(node, ast.Subscript) and _number(node.slice) == 0:
        return (
            isinstance(node.value, ast.Attribute)
            and node.value.attr == "shape"
            and _name(node.value.value) == parameter
        )
    return isinstance(node, ast.Attribute) and node.attr == "size" and _name(node.value) == parameter


def _last_name(node: ast.expr) -> str | None:
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None


def _name(node: ast.expr | None) -> str | None:
    return node.id if isinstance(node, ast.Name) else None


def _number(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None
