"""The shape of arrays that NumPy puts together: along an axis that they have, or along a new one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regrad.analysis.operators import shape_of
from regrad.analysis.values import Collection, Constant, Shape

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call

JOINING = frozenset({"stack", "concatenate", "column_stack", "vstack", "hstack"})


def joined_arrays(name: str, call: Call) -> Shape | None:
    """What the function of this name makes of the arrays it is given; None where one of them is not known."""
    parts = call.get("tup", 0)
    parts = call.get("arrays", 0) if parts is None else parts
    if not isinstance(parts, Collection) or not parts.items or parts.size is None:
        return None
    known = [shape for part in parts.items if (shape := shape_of(part)) is not None]
    if len(known) != parts.size or len(known) != len(parts.items):
        return None
    if name == "column_stack":
        columns = [(*shape, 1) if len(shape) == 1 else shape for shape in known]
        return _along(1, columns) if all(len(shape) == 2 for shape in columns) else None
    if name == "vstack":
        return _along(0, [(1, *shape) if len(shape) == 1 else shape for shape in known])
    if name == "hstack":
        return _along(0 if len(known[0]) == 1 else 1, known)
    axis = call.get("axis", 1)
    place = 0 if axis is None else axis.value if isinstance(axis, Constant) else None
    if not isinstance(place, int) or isinstance(place, bool):
        return None
    return _along(place, known) if name == "concatenate" else _beside(place, known)


def _along(axis: int, shapes: Sequence[Shape]) -> Shape | None:
    """Along an axis that all have: the sum of what they have there."""
    rank = len(shapes[0])
    if not -rank <= axis < rank or any(len(shape) != rank for shape in shapes):
        return None
    place = axis % rank
    sizes = [shape[place] for shape in shapes]
    whole = None if None in sizes else sum(size for size in sizes if size is not None)
    merged = _merged(shapes)
    return (*merged[:place], whole, *merged[place + 1 :])


def _beside(axis: int, shapes: Sequence[Shape]) -> Shape | None:
    """Along a new axis: as many as there are."""
    rank = len(shapes[0]) + 1
    if not -rank <= axis < rank or any(len(shape) != rank - 1 for shape in shapes):
        return None
    place = axis % rank
    merged = _merged(shapes)
    return (*merged[:place], len(shapes), *merged[place:])


def _merged(shapes: Sequence[Shape]) -> Shape:
    """Per axis the one size that is known; arrays that are put together agree in the other axes."""
    return tuple(next((size for size in sizes if size is not None), None) for sizes in zip(*shapes, strict=True))
