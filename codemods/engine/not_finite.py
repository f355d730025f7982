"""Where an operation or its slope is not finite, and whether a comparison keeps a value from there."""

from __future__ import annotations

from regrad.analysis.library.heads import activation_of
from regrad.analysis.values import Constant, Layer, Operation, Tensor, Value, Variable
from regrad.codemods.engine.padded_rows import zero_at_padding

_AT_ONE = frozenset({"acos", "asin", "atanh", "arccos", "arcsin", "arctanh"})
_WEIGHTED = frozenset({"Dense", "Conv1D", "Conv2D", "Conv3D"})
_THROUGH_ZERO = frozenset("square sqrt abs negative cast expm1 log1p tanh sin tan sinh asinh atan".split())
_SMALL, _AROUND = 1e-2, 0.5
_DEEPEST = 8
NEGATIVE, ZERO, EDGE = 1, 2, 4
"""Where an operation is not finite: below 0, at 0, from ±1 on."""


def hazard(operation: Operation, living: bool, used: bool) -> tuple[int, int] | None:
    """Which argument of an operation spoils a gradient of zero, and where: below 0, at 0, from ±1 on.

    The slope counts where a gradient passes the operation, its value where that is `used` in the gradient of another.
    """
    if operation.kind not in ("op", "operator") or not operation.inputs:
        return None
    slope = value = 0
    position = 0
    if operation.name in ("divide", "truediv"):
        if len(operation.inputs) != 2 or not isinstance(operation.inputs[1], (Tensor, Variable)):
            return None
        position, slope, value = 1, ZERO, ZERO
    elif operation.name in ("pow", "power"):
        exponent = operation.inputs[1] if len(operation.inputs) == 2 else None
        if not isinstance(exponent, Constant) or not isinstance(exponent.value, (int, float)):
            return None
        power, broken = exponent.value, exponent.value != int(exponent.value)
        slope = (ZERO if power < 1 and power != 0 else 0) | (NEGATIVE if broken else 0)
        value = (ZERO if power < 0 else 0) | (NEGATIVE if broken else 0)
    elif operation.name == "log":
        slope, value = ZERO, ZERO | NEGATIVE
    elif operation.name == "sqrt":
        value = NEGATIVE
    elif operation.name == "rsqrt":
        value = ZERO | NEGATIVE
    elif operation.name == "reciprocal":
        value = ZERO
    elif operation.name in _AT_ONE:
        slope = value = EDGE
    regions = (slope if living else 0) | (value if used else 0)
    return (position, regions) if regions else None


def guards(
    comparison: Operation, risky: Value, regions: int, discarding: bool | None = None, given: Value | None = None
) -> bool:
    """Whether a comparison keeps this value from where the operation is not finite, and the value does get there.

    `discarding` is what the comparison says of the elements that are discarded, if it alone decides; `given` is what
    the model is fed with.
    """
    if len(comparison.inputs) != 2:
        return False
    for one, other in (comparison.inputs, comparison.inputs[::-1]):
        size = _of_size(one)
        if not _same(one, risky) and (regions & ~ZERO or not (_zero_with(one, risky) or _zero_with(size, risky))):
            continue
        if isinstance(other, Constant) and isinstance(other.value, (int, float)):
            if regions & EDGE:
                return 0.9 <= abs(other.value) <= 1.1
            near = abs(other.value) <= _SMALL or _around_zero(comparison, one, other.value, discarding)
            return near and _gets_there(comparison, one, risky, regions, given)
        if isinstance(other, Tensor) and other.operation.name in ("zeros_like", "zeros"):
            return not regions & EDGE and _gets_there(comparison, one, risky, regions, given)
    return False


def _of_size(value: Value) -> Value:
    """What the size is taken of in `abs(x)` or `square(x)`."""
    sized = isinstance(value, Tensor) and value.operation.name in ("abs", "square") and value.operation.inputs
    return value.operation.inputs[0] if isinstance(value, Tensor) and sized else value


def _around_zero(comparison: Operation, one: Value, bound: float, discarding: bool | None) -> bool:
    """Whether just the sizes up to a bound are discarded, as beside a series that stands for a quotient around 0."""
    if discarding is None or one is not comparison.inputs[0] or _of_size(one) is one or not 0 < bound <= _AROUND:
        return False
    return discarding is (comparison.name in ("less", "less_equal")) and comparison.name not in ("equal", "not_equal")


def _gets_there(comparison: Operation, compared: Value, risky: Value, regions: int, given: Value | None) -> bool:
    exactly = comparison.name in ("equal", "not_equal")
    if regions & NEGATIVE and not exactly and not _positive(compared) and not _positive(risky):
        return True
    if not regions & ZERO:
        return False
    plain = _of_size(compared)
    return exactly or not (_any_number(risky) or _any_number(plain)) or zero_at_padding(plain, given)


def _positive(value: Value) -> bool:
    """Whether a value is never below 0."""
    if not isinstance(value, Tensor):
        return False
    operation = value.operation
    if "probabilities" in value.facts or operation.name in ("relu", "relu6", "abs", "square", "exp", "softmax", "norm"):
        return True
    if operation.kind == "layer" and isinstance(operation.callee, Layer):
        return activation_of(operation.callee) in ("relu", "relu6", "softmax", "sigmoid", "exponential", "softplus")
    if operation.name in ("reduce_sum", "reduce_mean", "sum", "mean", "getitem", "squeeze", "reshape", "sqrt"):
        return bool(operation.inputs) and _positive(operation.inputs[0])
    return operation.name in ("multiply", "divide", "add") and all(
        _positive(part) or (isinstance(part, Constant) and isinstance(part.value, (int, float)) and part.value >= 0)
        for part in operation.inputs
    )


def _any_number(value: Value, depth: int = 0) -> bool:
    """Whether a value is what a linear or `tanh` unit gives, which is hardly ever 0 exactly."""
    if not isinstance(value, Tensor) or depth > _DEEPEST:
        return False
    operation = value.operation
    if operation.kind == "model" and operation.inputs:
        return _any_number(operation.inputs[0], depth + 1)
    if operation.kind == "layer" and isinstance(operation.callee, Layer):
        return operation.callee.kind in _WEIGHTED and activation_of(operation.callee) in (None, "linear", "tanh")
    if operation.name in ("matmul", "bias_add", "random_normal", "normal"):
        return True
    if operation.name in ("add", "subtract"):
        return any(_any_number(part, depth + 1) for part in operation.inputs)
    return operation.name in ("getitem", "squeeze", "reshape", "negative", "tanh", "abs", "square") and (
        bool(operation.inputs) and _any_number(operation.inputs[0], depth + 1)
    )


def _same(one: Value, risky: Value) -> bool:
    if one is risky:
        return True
    if (
        isinstance(risky, Tensor)
        and risky.operation.name in ("sqrt", "negative")
        and risky.operation.inputs
        and risky.operation.inputs[0] is one
    ):
        return True
    return (
        isinstance(one, Tensor)
        and one.operation.name in ("abs", "square")
        and bool(one.operation.inputs)
        and one.operation.inputs[0] is risky
    )


def _zero_with(one: Value, risky: Value) -> bool:
    """Whether a value is 0 just where another is: a power of it, a multiple, its size."""
    for _ in range(_DEEPEST):
        if one is risky:
            return True
        if not isinstance(risky, Tensor) or not risky.operation.inputs:
            return False
        name, inputs = risky.operation.name, risky.operation.inputs
        if name in ("pow", "power"):
            kept = isinstance(inputs[1], Constant) and inputs[1].value > 0
        elif name in ("multiply", "divide", "truediv"):
            kept = len(inputs) == 2 and isinstance(inputs[1], Constant) and bool(inputs[1].value)
            if name == "multiply" and isinstance(inputs[0], Constant) and inputs[0].value:
                kept, inputs = True, inputs[::-1]
            kept = kept or (name == "multiply" and inputs[0] is inputs[1])
        else:
            exponent = _exponent(risky.operation)
            kept, inputs = name in _THROUGH_ZERO or exponent is not None, exponent or inputs
        if not kept:
            return False
        risky = inputs[0]
    return False


def _exponent(operation: Operation) -> tuple[Value, ...] | None:
    """What stands in the exponential of `exp(x) - 1` or `1 - exp(x)`."""
    if operation.name != "subtract" or len(operation.inputs) != 2:
        return None
    for one, other in (operation.inputs, operation.inputs[::-1]):
        if isinstance(one, Constant) and one.value == 1 and isinstance(other, Tensor) and other.operation.name == "exp":
            return other.operation.inputs
    return None


def protected(value: Value) -> bool:
    if not isinstance(value, Tensor):
        return not isinstance(value, Variable)
    operation = value.operation
    if operation.name in ("where", "select", "maximum", "clip_by_value", "clip"):
        return True
    return operation.name == "add" and any(isinstance(part, Constant) for part in operation.inputs)
