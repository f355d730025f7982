"""Targets that a program draws and adds up itself, whose spread shows that they are quantities and no probabilities."""

from __future__ import annotations

from typing import NamedTuple

from regrad.analysis.values import Constant, Operation, Tensor, Value

_WIDEST = 0.5
"""The greatest standard deviation that numbers from 0 to 1 can have."""
_DEEPEST = 40
_SAME = frozenset({"astype", "reshape", "ravel", "flatten", "squeeze", "expand_dims", "cast", "float32", "asarray"})
_OF_TENSORFLOW = frozenset({"shape", "mean", "stddev", "minval", "maxval"})
_FIXED = {"rand": 1 / 12, "random": 1 / 12, "random_sample": 1 / 12, "randn": 1.0, "standard_normal": 1.0}


class _Draw(NamedTuple):
    variance: float
    continuous: bool


class _Sum(NamedTuple):
    """A weighted sum of draws that are independent of one another, by the operations that drew them."""

    parts: dict[int, tuple[float, _Draw]]
    number: float


def are_quantities(targets: Value) -> bool:
    """Whether they are certainly real numbers, more spread than numbers between 0 and 1 can be."""
    found = _sum(_whole(targets), 0)
    if found is None:
        return False
    weighted = [(weight, draw) for weight, draw in found.parts.values() if weight != 0]
    variance = sum(weight * weight * draw.variance for weight, draw in weighted)
    # Twice the limit, since a sample has another spread than what it was drawn from.
    return any(draw.continuous for _, draw in weighted) and variance > (2 * _WIDEST) ** 2


def _whole(targets: Value) -> Value:
    """What the targets are rows of. (Parts of one draw that meet again are no longer independent of one another.)"""
    for _ in range(_DEEPEST):
        if not isinstance(targets, Tensor) or not targets.operation.inputs:
            break
        operation = targets.operation
        if operation.kind != "index" or operation.name != "getitem" or _counts(targets):
            break
        targets = operation.inputs[0]
    return targets


def _counts(value: Tensor) -> bool:
    return value.dtype is not None and value.dtype.startswith(("int", "uint", "bool"))


def _sum(value: Value, depth: int) -> _Sum | None:
    if isinstance(value, Constant) and isinstance(value.value, (int, float)) and not isinstance(value.value, bool):
        return _Sum({}, float(value.value))
    if not isinstance(value, Tensor) or depth > _DEEPEST:
        return None
    operation = value.operation
    if operation.kind == "random":
        draw = _drawn(operation)
        return _Sum({id(operation): (1.0, draw)}, 0.0) if draw is not None else None
    if operation.name in _SAME and operation.inputs and not _counts(value):
        return _sum(operation.inputs[0], depth + 1)
    if operation.kind != "operator" or len(operation.inputs) != 2:
        return None
    one, other = (_sum(each, depth + 1) for each in operation.inputs)
    if one is None or other is None:
        return None
    if operation.name in ("add", "subtract"):
        return _added(one, other, 1.0 if operation.name == "add" else -1.0)
    if operation.name == "multiply" and not (one.parts and other.parts):
        return _scaled(one, other.number) if one.parts else _scaled(other, one.number)
    if operation.name in ("divide", "truediv") and not other.parts and other.number:
        return _scaled(one, 1 / other.number)
    return None


def _added(one: _Sum, other: _Sum, sign: float) -> _Sum:
    parts = dict(one.parts)
    for place, (weight, draw) in other.parts.items():
        parts[place] = (parts.get(place, (0.0, draw))[0] + sign * weight, draw)
    return _Sum(parts, one.number + sign * other.number)


def _scaled(one: _Sum, factor: float) -> _Sum:
    return _Sum({place: (weight * factor, draw) for place, (weight, draw) in one.parts.items()}, one.number * factor)


def _drawn(operation: Operation) -> _Draw | None:
    """The spread of one draw; of one that is not known nothing is said."""
    given = operation.arguments or {}
    if _OF_TENSORFLOW & given.keys():
        return None
    if operation.name in _FIXED:
        return _Draw(_FIXED[operation.name], True)
    if operation.name in ("normal", "uniform"):
        names = ("loc", "scale") if operation.name == "normal" else ("low", "high")
        numbers = [_number(given.get(name) or given.get(str(at)), at) for at, name in enumerate(names)]
        first, second = numbers
        if first is None or second is None:
            return None
        return _Draw(second**2 if operation.name == "normal" else (second - first) ** 2 / 12, True)
    if operation.name in ("randint", "integers", "choice"):
        # Whatever is drawn here adds to the spread and never takes from it.
        return _Draw(0.0, False)
    return None


def _number(value: Value | None, default: float) -> float | None:
    if value is None:
        return float(default)
    known = isinstance(value, Constant) and isinstance(value.value, (int, float))
    return float(value.value) if isinstance(value, Constant) and known else None
