"""Stand-ins for orders: `argsort(argsort(x))`, which are ranks, gives way to soft ranks; an order alone has none."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis.operations import is_integer
from regrad.analysis.values import Tensor
from regrad.codemods.engine.broken_paths import argument, operand
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.ranking import soft_rank
from regrad.codemods.engine.surroundings import function_around
from regrad.codemods.engine.without_slope import WITHOUT, NoSurrogate, number

if TYPE_CHECKING:
    from regrad.codemods.engine.surrogates import Softener

ORDERING = frozenset({"argsort", "invert_permutation"})


def ranked(softener: Softener, node: ast.expr) -> str:
    """The text of an order of an order, as soft ranks; that of the inner one stays as it is."""
    alone = NoSurrogate(*WITHOUT["argsort"])
    if not isinstance(node, ast.Call):
        raise alone
    if any(_ordered(softener, other) is node for other in softener.nodes if other is not node):
        # The order of the ranks above, under a name: it goes with them, unless somebody else wants it.
        return softener.program.source(node, softener.path)
    inner = _ordered(softener, node)
    values = argument(inner, 0, "values", "x") if inner is not None else None
    if inner is None or values is None or not _still(softener, inner, values, node):
        raise alone
    shapes, whole = _ordered_values(softener, inner)
    axis, descending = _direction(inner)
    outer_axis, backwards = (axis, False) if softener.nodes[node].operation.name != "argsort" else _direction(node)
    if backwards or outer_axis != axis:
        raise alone
    vector = bool(shapes) and all(shape is not None and len(shape) == 1 for shape in shapes)
    if vector:
        axis = None
    elif axis is not None and axis > 0 and all(shape is not None and len(shape) == axis + 1 for shape in shapes):
        axis = -1
    if axis not in (None, -1, 0, 1):
        raise alone
    text = operand(softener.soft(values))
    return soft_rank(text, 0, softener.say, axis, descending=descending, whole=whole)


def counted_from_one(text: str, parent: ast.AST | None, node: ast.expr) -> str | None:
    """The text of `ranks + 1` for that of ranks from zero."""
    adds = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add)
    if not adds or not isinstance(parent, ast.BinOp) or not text.endswith(" - 0.5"):
        return None
    other = parent.right if parent.left is node else parent.left
    return text.removesuffix(" - 0.5") + " + 0.5" if number(other) == 1 else None


def left_over(softener: Softener, node: ast.expr) -> bool:
    """Whether an order has a name that nothing but the ranks made of it uses."""
    statement = softener.program.statement(node, softener.path)
    users = [other for other in softener.nodes if other is not node and _ordered(softener, other) is node]
    if not users or not isinstance(statement, ast.Assign) or statement.value is not node:
        return False
    target = statement.targets[0]
    named = [
        each
        for each in softener.program.nodes_of(softener.path, ast.Name)
        if isinstance(target, ast.Name) and each.id == target.id and isinstance(each.ctx, ast.Load)
    ]
    inside = {each for user in users for each in ast.walk(user)}
    return isinstance(target, ast.Name) and len(statement.targets) == 1 and all(each in inside for each in named)


def _ordered(softener: Softener, node: ast.AST) -> ast.Call | None:
    """The call of `argsort` whose order another order is made of, nested or under a name of its own."""
    value = softener.nodes.get(node)
    if value is None or value.operation.name not in ORDERING or not isinstance(node, ast.Call):
        return None
    inner = argument(node, 0, "values", "x")
    made = value.operation.inputs[0] if value.operation.inputs else None
    if not isinstance(made, Tensor) or made.operation.name != "argsort":
        return None
    call = made.operation.node
    if not isinstance(call, ast.Call) or call not in softener.nodes:
        return None
    if inner is call:
        return call
    statement = softener.program.statement(call, softener.path)
    named = isinstance(statement, ast.Assign) and statement.value is call and len(statement.targets) == 1
    if not named or not isinstance(statement, ast.Assign) or not isinstance(inner, ast.Name):
        return None
    target = statement.targets[0]
    return call if isinstance(target, ast.Name) and target.id == inner.id else None


def _still(softener: Softener, inner: ast.Call, values: ast.expr, node: ast.expr) -> bool:
    """Whether the values can be asked for where the ranks are made: in one expression, or by a name kept so far."""
    if any(each is inner for each in ast.walk(node)):
        return True
    around = [function_around(softener.program, each, softener.path) for each in (inner, node)]
    if not isinstance(values, ast.Name) or around[0] is not around[1]:
        return False
    stores = (
        each
        for each in ast.walk(around[0] or softener.tree)
        if isinstance(each, ast.Name) and each.id == values.id and not isinstance(each.ctx, ast.Load)
    )
    return not any(inner.lineno <= each.lineno <= node.lineno for each in stores)


def _ordered_values(softener: Softener, inner: ast.Call) -> tuple[list[tuple[int | None, ...] | None], bool]:
    """The shapes of all that is ranked here, labels too, and whether some of it are whole numbers."""
    given = [
        value.operation.inputs[0]
        for value in reached(iter((softener.ending.sink.target,)))
        if value.operation.node is inner and value.operation.name == "argsort" and value.operation.inputs
    ]
    shapes = [part.shape if isinstance(part, Tensor) else None for part in given]
    dtypes = [part.dtype or "" for part in given if isinstance(part, Tensor) and is_integer(part.dtype)]
    if any(not dtype.startswith("int") for dtype in dtypes):
        # What has no negative numbers has no differences either.
        raise NoSurrogate(*WITHOUT["argsort"])
    return shapes, bool(dtypes)


def _direction(call: ast.Call) -> tuple[int | None, bool]:
    """The axis that is ordered along, and whether from the largest down."""
    alone = NoSurrogate(*WITHOUT["argsort"])
    axis, direction = argument(call, 1, "axis"), argument(call, 2, "direction")
    place = -1 if axis is None else number(axis)
    down = direction.value if isinstance(direction, ast.Constant) else "" if direction is not None else "ASCENDING"
    if place is None or place != int(place) or down not in ("ASCENDING", "DESCENDING"):
        raise alone
    return int(place), down == "DESCENDING"
