"""Frozen dataclasses and named tuples as plain JSON values and back, exactly: what the store keeps and a plan shows."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def plain(value: Any, words: Callable[[str], str] = str) -> Any:
    """The value as JSON has it. A field that is at its default is left out; every text goes through `words`."""
    if value is None or (isinstance(value, (bool, int)) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return words(value)
    if isinstance(value, float):
        # JSON has no NaN and no infinity.
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, bytes):
        return base64.b85encode(value).decode("ascii")
    if _is_record(type(value)):
        return {name: plain(each, words) for name, each in value._asdict().items()}
    if isinstance(value, (tuple, list)):
        return [plain(each, words) for each in value]
    if isinstance(value, dict):
        return {key: plain(each, words) for key, each in value.items()}
    return {
        each.name: plain(getattr(value, each.name), words)
        for each in fields(value)
        if not _is_default(each, getattr(value, each.name)) and each.compare
    }


def restored(kind: type[T], value: Any) -> T:
    """The object of this type that `plain` made the value of."""
    result: T = _restored(kind, value)
    return result


def _restored(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return (
            None if value is None else _restored(next(each for each in get_args(kind) if each is not type(None)), value)
        )
    if origin is tuple:
        parts = get_args(kind)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple(_restored(parts[0], each) for each in value)
        return tuple(_restored(each, given) for each, given in zip(parts, value, strict=True))
    if origin is dict:
        return {key: _restored(get_args(kind)[1], each) for key, each in value.items()}
    if kind is float:
        return float(value)
    if kind is bytes:
        return base64.b85decode(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if isinstance(kind, type) and (is_dataclass(kind) or _is_record(kind)):
        hints = _hints(kind)
        return kind(**{name: _restored(hints[name], each) for name, each in value.items() if name in hints})
    return value


def _is_record(kind: type[Any]) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def _is_default(field: Field[Any], value: Any) -> bool:
    return field.default is not MISSING and type(value) is type(field.default) and bool(value == field.default)


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    # Some modules import the types of their fields for the type checker alone.
    from regrad.repair.suppression import Remark
    from regrad.verify.evidence import Evidence

    return get_type_hints(kind, localns={"Evidence": Evidence, "Remark": Remark})
