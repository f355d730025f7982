"""What becomes of numbers that are stretched to a matrix, `(n,)` with `(n, 1)`: whether all pairs are meant, and what
shapes the values per sample have that the matrix meets on its way into the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from regrad.analysis.frames import made_up
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Constant, Tensor, Union_, Unknown, Value, Variable
from regrad.codemods.engine.operations_of import nearest, tensors
from regrad.codemods.engine.per_sample import ALONG_AN_AXIS, NUMBER_BY_NUMBER, form, laid_out, number_by_number, root

_MEANS = frozenset({"reduce_mean", "reduce_sum", "mean", "sum", "average"})
_STRAIGHT = frozenset(
    """add subtract multiply divide truediv divide_no_nan negative positive cast identity stop_gradient reshape squeeze
    expand_dims flatten convert_to_tensor astype add_n""".split()
)
"""What a sum may pass on its way into a larger one, and nothing but the numbers is different for it."""
_PRODUCTS = frozenset({"multiply", "divide", "truediv", "divide_no_nan"})
_DEEPEST = 24


class Fate(NamedTuple):
    """What the matrix meets: `meant` says that the program wants every pair, `doubt` why it is not certain what it
    wants; `flat` and `columns` are the values per sample that it is combined with, and by which operation (none for
    what is part of another matrix); `straight` says that nothing but sums is made of it, `summed` that some are along
    an axis.
    """

    meant: bool
    doubt: str | None
    flat: tuple[tuple[str, Value], ...]
    columns: tuple[tuple[str, Value], ...]
    straight: bool
    summed: bool


def fate(program: Program, matrix: Tensor, known: Callable[[Tensor], bool]) -> Fate:
    """What the program makes of the matrix, until it is one number; `known` are other slips of the same kind, which
    are mended the same way.
    """
    users = program.once(_users)
    region, ends, meant, doubt, straight = _region(users, matrix)
    flat: list[tuple[str, Value]] = []
    columns: list[tuple[str, Value]] = []
    for user in region.values():
        # What masks rows does so whatever shape they have.
        if user is matrix or user.operation.name == "boolean_mask":
            continue
        for part in user.operation.inputs:
            for leaf, inside in _leaves(part, region, known):
                shape = form(leaf)
                met = "" if inside else user.operation.name
                # A matrix that is written out with an axis for it is one of pairs.
                meant = meant or (inside and _written_as_column(leaf))
                if shape is None:
                    meant = meant or laid_out(leaf)
                    if isinstance(leaf, (Tensor, Variable)) or _may_be_many(leaf):
                        doubt = doubt or "the shape of what it is combined with is not known"
                elif len(shape) == 1 and shape[0] != 1:
                    flat.append((met, leaf))
                elif len(shape) == 2 and shape[1] == 1 and shape[0] != 1:
                    meant = meant or laid_out(leaf)
                    columns.append((met, leaf))
                elif len(shape) >= 2 and any(size != 1 for size in shape):
                    meant = True
    meant = meant or any(_after(users, end) for end in ends)
    said = _paired(program, users, matrix, region)
    return Fate(
        meant or said is True,
        doubt or ("other values are paired with each other too" if said is False else None),
        tuple(flat),
        tuple(columns),
        straight,
        bool(ends),
    )


def _region(
    users: dict[int, list[Tensor]], matrix: Tensor
) -> tuple[dict[int, Tensor], list[Tensor], bool, str | None, bool]:
    """All that is computed from the matrix number by number, the sums along an axis that end it, and whether anything
    else looks at rows or columns, is not known, or is no sum.
    """
    region = {id(matrix): matrix}
    ends: list[Tensor] = []
    meant, straight, doubt = False, True, None
    waiting = [matrix]
    while waiting:
        value = waiting.pop()
        for user in users.get(id(value), []):
            name, kind = user.operation.name, user.operation.kind
            if id(user) in region:
                continue
            if not _directly(user, value):
                doubt, straight = "what becomes of all pairs is not known", False
                continue
            if user.shape == () or name == "compute_average_loss":
                straight = straight and (name in _MEANS or name == "compute_average_loss")
                continue
            if name in _MEANS:
                ends.append(user)
                continue
            if number_by_number(user) or name == "boolean_mask":
                region[id(user)] = user
                waiting.append(user)
                parts = [part for part in user.operation.inputs if id(part) in region]
                straight = straight and name in _STRAIGHT and not (name in _PRODUCTS and len(parts) > 1)
                continue
            straight = False
            if name in ALONG_AN_AXIS or kind in ("layer", "model"):
                meant = True
            else:
                doubt = f"what `{name}` makes of all pairs is not known"
    return region, ends, meant, doubt, straight


def _after(users: dict[int, list[Tensor]], summed: Tensor) -> bool:
    """Whether anything but a further sum is made of sums along one axis: then that axis is meant."""
    region = {id(summed): summed}
    waiting = [summed]
    while waiting:
        for user in users.get(id(waiting.pop()), []):
            name = user.operation.name
            if id(user) in region or user.shape == () or name in _MEANS or name == "compute_average_loss":
                continue
            if name in NUMBER_BY_NUMBER | ALONG_AN_AXIS and name not in _STRAIGHT:
                return True
            region[id(user)] = user
            if name in _STRAIGHT:
                waiting.append(user)
    return any(
        user.operation.name in _PRODUCTS
        and sum(any(part is each for each in region.values()) for part in user.operation.inputs) > 1
        for user in region.values()
    )


def _directly(user: Tensor, value: Value) -> bool:
    """Whether it is made of the value itself, and of nothing unknown that was made of it."""
    waiting: list[Value] = list(user.operation.inputs)
    while waiting:
        part = waiting.pop()
        if part is value:
            return True
        if isinstance(part, Collection):
            waiting.extend(part.items)
        elif isinstance(part, Union_):
            waiting.extend(part.alternatives)
    return False


def _written_as_column(value: Value) -> bool:
    """Whether an axis is added right here."""
    _, turns = root(value)
    return bool(turns) and len(form(value) or ()) == 2


def _leaves(
    value: Value, region: dict[int, Tensor], known: Callable[[Tensor], bool], depth: int = 0
) -> Iterator[tuple[Value, bool]]:
    """The values per sample that a partner is made of, and whether they are parts of another matrix."""
    if id(value) in region or (isinstance(value, Tensor) and known(value)):
        return
    shape = form(value)
    if (
        isinstance(value, Tensor)
        and depth < _DEEPEST
        and number_by_number(value)
        and (shape is None or (len(shape) == 2 and 1 not in shape))
    ):
        for part in value.operation.inputs:
            yield from _leaves(part, region, known, depth + 1)
    elif not isinstance(value, Constant):
        yield value, depth > 0


def _may_be_many(value: Value) -> bool:
    """Whether something unknown may be a value for each sample, and no setting (`options.rate`, `float(text)`)."""
    if not isinstance(value, Unknown):
        return False
    if any(True for _ in nearest([value])):
        return True
    return value.origin in ("call", "element") and value.label not in ("float", "int", "len")


def _paired(program: Program, users: dict[int, list[Tensor]], matrix: Tensor, region: dict[int, Tensor]) -> bool | None:
    """Whether the program also pairs one of the two with itself, or others by the same line: True where the same is
    computed of those pairs, False where something else is; None where it does nothing like it.
    """
    roots = {id(root(part)[0]) for part in matrix.operation.inputs}
    found: bool | None = None
    for other in tensors(program):
        inputs = other.operation.inputs
        if other is matrix or len(inputs) != 2 or id(other) in region:
            continue
        if not number_by_number(other):
            continue
        (one, turned), (two, turned_too) = (root(part) for part in inputs)
        if one is not two or inputs[0] is inputs[1] or turned == turned_too:
            continue
        same_line = other.operation.node is matrix.operation.node
        if same_line or id(one) in roots:
            if same_line or _steps(users, other) == _steps(users, matrix):
                return True
            found = False
    return found


def _steps(users: dict[int, list[Tensor]], start: Tensor) -> list[str]:
    """What is done with it, by name and in order."""
    region, *_ = _region(users, start)
    ends = [
        user
        for each in region.values()
        for user in users.get(id(each), [])
        if id(user) not in region and user.operation.name in _MEANS
    ]
    every = {id(each): each for each in (*region.values(), *ends)}
    return [each.operation.name for each in sorted(every.values(), key=lambda each: each.operation.serial)]


def alike_everywhere(program: Program, matrix: Tensor, place: int) -> bool:
    """Whether the line meets `(n,)` at this place and `(n, 1)` at the other one, from wherever it is reached."""
    way = _way(matrix)
    for other in tensors(program):
        if other.operation.node is not matrix.operation.node or len(other.operation.inputs) != 2:
            continue
        flat, column = (form(other.operation.inputs[each]) for each in (place, 1 - place))
        if flat is None or column is None:
            # What one call does not know yet in the first round of a loop is what it knows in the second.
            if _way(other) != way and made_up(other.operation.frame) is None:
                return False
        elif len(flat) != 1 or len(column) != 2 or column[1] != 1:
            return False
    return True


def _way(tensor: Tensor) -> tuple[int, ...]:
    """The calls that led to the operation."""
    calls: list[int] = []
    frame = tensor.operation.frame
    while frame is not None:
        calls.append(id(frame.call))
        frame = frame.caller
    return tuple(calls)


def _users(program: Program) -> dict[int, list[Tensor]]:
    """By the identity of a value, the tensors that are made of it directly."""
    found: dict[int, list[Tensor]] = {}
    for tensor in tensors(program):
        parts = {id(part): part for part in nearest(tensor.operation.inputs)}
        for key in parts:
            found.setdefault(key, []).append(tensor)
    return found
