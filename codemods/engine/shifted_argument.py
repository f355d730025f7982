"""Arguments that are a multiple of what is compared and a number more, like the `x + 1` of `where(x < 0, …)`: whether
they get to where the operation is not finite, just where the result is discarded.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Operation, Tensor, Value
from regrad.codemods.engine.first_numbers import first_numbers
from regrad.codemods.engine.magnitude import reaches
from regrad.codemods.engine.not_finite import EDGE, NEGATIVE, ZERO

_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "less": operator.lt,
    "less_equal": operator.le,
    "equal": operator.eq,
    "not_equal": operator.ne,
}
_TURNED = {"greater": "less", "less": "greater", "greater_equal": "less_equal", "less_equal": "greater_equal"}
_DEEPEST = 4
_BEYOND = -0.5
"""How far below 0 an argument must get that is known by about how far its numbers go."""


def spoilt_where_discarded(
    program: Program, comparison: Operation, risky: Value, regions: int, discarding: bool | None, given: Value | None
) -> bool:
    """Whether the program has numbers for which the comparison discards the result, and with which the argument is
    where the operation is not finite.

    `discarding` is what the comparison says of the elements that are discarded, `given` what the model is fed with.
    """
    if discarding is None or regions & EDGE or len(comparison.inputs) != 2:
        return False
    turned = _TURNED.get(comparison.name, comparison.name)
    for name, (one, other) in ((comparison.name, comparison.inputs), (turned, comparison.inputs[::-1])):
        bound = _number(other)
        line = _line(risky, one)
        if bound is None or line is None or line == (1.0, 0.0):
            continue
        factor, offset = line
        holds = _COMPARED[name]
        for number in first_numbers(program, one) or ():
            argument = factor * number + offset
            bad = (argument == 0 and regions & ZERO) or (argument < 0 and regions & NEGATIVE)
            if bad and holds(number, bound) is discarding:
                return True
        # Of what is known by its ends alone, no number is certain to be met exactly.
        for number in reaches(one, given) or ():
            if regions & NEGATIVE and factor * number + offset <= _BEYOND and holds(number, bound) is discarding:
                return True
    return False


def held_on_its_side(
    program: Program, comparison: Operation, risky: Value, written: ast.expr, kept: bool, where: str, path: str
) -> tuple[ast.expr, str] | None:
    """The name of what is compared, in the argument, and the text that holds it on the side that is kept.

    `where` is how that function is called. None where the two are not written with that one name, or the bound itself
    is no good.
    """
    made = comparison.node
    if not isinstance(made, ast.Compare) or not isinstance(made.left, ast.Name) or comparison.name not in _TURNED:
        return None
    name = made.left.id
    found = [each for each in ast.walk(written) if isinstance(each, ast.Name) and each.id == name]
    bound, line = _number(comparison.inputs[1]), _line(risky, comparison.inputs[0])
    space = where[: where.rfind(".") + 1]
    if not space or len(found) != 1 or bound is None or line is None or line[0] * bound + line[1] <= 0:
        return None
    below = comparison.name.startswith("less") is kept
    number = program.source(made.comparators[0], path)
    return found[0], f"{space}{'minimum' if below else 'maximum'}({name}, {number})"


def _number(value: Value) -> float | None:
    if isinstance(value, Tensor):
        return 0.0 if value.operation.name in ("zeros_like", "zeros") else None
    known = isinstance(value, Constant) and type(value.value) in (int, float)
    return float(value.value) if isinstance(value, Constant) and known else None


def _line(value: Value, compared: Value, depth: int = 0) -> tuple[float, float] | None:
    """The factor and the offset with which a value is computed from what is compared."""
    if value is compared:
        return 1.0, 0.0
    if not isinstance(value, Tensor) or depth > _DEEPEST:
        return None
    name, inputs = value.operation.name, value.operation.inputs
    if name == "negative" and inputs:
        return _scaled(_line(inputs[0], compared, depth + 1), -1.0)
    if name not in ("add", "subtract", "multiply", "divide", "truediv") or len(inputs) != 2:
        return None
    one, other = inputs
    before, after = _number(one), _number(other)
    inner = _line(other if before is not None else one, compared, depth + 1)
    number = before if before is not None else after
    if inner is None or number is None:
        return None
    factor, offset = inner
    if name == "add":
        return factor, offset + number
    if name == "subtract":
        return (-factor, number - offset) if before is not None else (factor, offset - number)
    if name == "multiply":
        return _scaled(inner, number)
    return _scaled(inner, 1.0 / number) if before is None and number else None


def _scaled(line: tuple[float, float] | None, number: float) -> tuple[float, float] | None:
    return None if line is None else (line[0] * number, line[1] * number)
