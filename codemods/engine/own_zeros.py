"""Distances within one set of points: that of each point to itself is 0, and what sends nothing back there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.values import Constant, Operation, Tensor, Unknown, Value
from regrad.codemods.engine.per_sample import root

_ZERO_STAYS_ZERO = frozenset(
    """sqrt norm square pow power abs multiply divide truediv reduce_sum sum reduce_mean mean reduce_euclidean_norm cast
    astype stop_gradient identity convert_to_tensor constant array asarray""".split()
)
_CHOOSE = frozenset({"boolean_mask", "gather_nd", "set_diag", "reduce_max", "max", "amax", "band_part"})
"""What takes other numbers than those of the diagonal, or may: the maximum of a row of distances is none of those."""
_LEAVE_OUT = frozenset({"eye", "band_part", "set_diag", "not_equal", "triu", "tril", "identity_matrix"})
_DEEPEST = 16


TO_ITSELF = "every point is compared with itself too, and that distance is 0"


def why_equal(value: Value, reason: str) -> str | None:
    """Why a difference is 0 at times, if for no better reason than the given one; None where its author chose the
    pairs so that it is not.
    """
    differences = list(_differences(value))
    if differences and all(of_itself(each) for each in differences):
        return TO_ITSELF
    return None if differences and all(of_chosen_pairs(each) for each in differences) else reason


def _differences(value: Value, depth: int = 0) -> Iterator[Value]:
    """The differences that are squared and added up in a value."""
    if not isinstance(value, Tensor) or depth > _DEEPEST:
        return
    if value.operation.name in ("subtract", "squared_difference"):
        yield value
        return
    for part in value.operation.inputs:
        yield from _differences(part, depth + 1)


def of_itself(difference: Value) -> bool:
    """Whether every point is subtracted from every one of the same points, itself among them."""
    if not isinstance(difference, Tensor) or difference.operation.name not in ("subtract", "squared_difference"):
        return False
    inputs = difference.operation.inputs
    if len(inputs) != 2 or inputs[0] is inputs[1]:
        return False
    (one, turned), (other, turned_too) = root(inputs[0]), root(inputs[1])
    return one is other and turned != turned_too


def of_chosen_pairs(difference: Value) -> bool:
    """Whether points are subtracted from others of the same set, as two lists of places say: a point and itself are
    no pair, unless the places are drawn.
    """
    if not isinstance(difference, Tensor) or len(difference.operation.inputs) != 2:
        return False
    one, other = difference.operation.inputs
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return False
    places = [_places(each.operation) for each in (one, other)]
    if not all(places) or places[0] == places[1] or one.operation.inputs[0] is not other.operation.inputs[0]:
        return False
    given = [part for each in (one, other) for part in (each.operation.arguments or {}).values()]
    return not any(isinstance(part, Tensor) and part.operation.kind == "random" for part in given)


def _places(operation: Operation) -> str | None:
    """The places that are taken, as they are written; a slice takes neighbours, of which nothing is known."""
    node = operation.node
    if operation.name in ("gather", "take") and isinstance(node, ast.Call):
        words = [each.value for each in node.keywords if each.arg == "indices"]
        given = [*node.args[1:2], *words]
        return ast.unparse(given[0]) if given else None
    if operation.kind == "index" and isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
        return node.slice.id
    return None


def comes_from_itself(value: Value, depth: int = 0) -> bool:
    """Whether a value is 0 wherever a point meets itself."""
    if not isinstance(value, Tensor) or depth > _DEEPEST:
        return False
    if of_itself(value):
        return True
    operation = value.operation
    if operation.name not in _ZERO_STAYS_ZERO or not operation.inputs:
        return False
    product = operation.name == "multiply"
    return any(comes_from_itself(part, depth + 1) for part in operation.inputs[: 2 if product else 1])


def nothing_comes_back(distance: Tensor, users: dict[int, list[Tensor]]) -> bool:
    """Whether what is made of distances within one set has no slope where they are 0: the root of TensorFlow then
    sends nothing on.
    """
    following = users.get(id(distance), [])
    return bool(following) and all(_without_slope(distance, user, users) for user in following)


def _without_slope(distance: Tensor, user: Tensor, users: dict[int, list[Tensor]]) -> bool:
    operation = user.operation
    others = [part for part in operation.inputs if part is not distance]
    if operation.name in _CHOOSE:
        return True
    if operation.name == "multiply":
        return any(_leaves_out(part) for part in others)
    if operation.kind == "loss" or operation.name == "squared_difference":
        return bool(others) and all(_may_be_alike(part) for part in others)
    if operation.name != "subtract" or not all(_may_be_alike(part) for part in others):
        return False
    after = users.get(id(user), [])
    return bool(after) and all(_even(each, user) for each in after)


def _even(user: Tensor, difference: Tensor) -> bool:
    """Whether it has no slope where the difference is 0."""
    operation = user.operation
    if operation.name == "pow" and len(operation.inputs) == 2:
        power = operation.inputs[1]
        return isinstance(power, Constant) and isinstance(power.value, (int, float)) and power.value > 1
    twice = operation.name == "multiply" and sum(part is difference for part in operation.inputs) == 2
    return twice or operation.name in ("square", "abs")


def _may_be_alike(value: Value) -> bool:
    """Whether it holds the distances of the same pairs, or comes from where nothing is known of it."""
    return isinstance(value, Unknown) or comes_from_itself(value)


def _leaves_out(value: Value, depth: int = 0) -> bool:
    """Whether a factor is made so that it is 0 where a point meets itself."""
    if not isinstance(value, Tensor) or depth > _DEEPEST:
        return False
    if value.operation.name in _LEAVE_OUT:
        return True
    return any(_leaves_out(part, depth + 1) for part in value.operation.inputs)
