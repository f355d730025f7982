"""Whether a matrix is symmetric whatever its entries are: products with its own transpose, sums of such, identities."""

from __future__ import annotations

from regrad.analysis.operators import dtype_of, shape_of
from regrad.analysis.values import Constant, Operation, Tensor, Value, Variable
from regrad.analysis.walking import each_once

_KEPT = frozenset({"cast", "identity", "convert_to_tensor", "real", "ensure_shape", "stop_gradient"})
"""What gives the same matrix."""
_OF_A_SYMMETRIC_ONE = frozenset({"expm", "sqrtm", "inv", "matrix_inverse", "pinv", "negative", "square", "abs"})
_DIAGONAL = frozenset({"eye", "diag"})
_TRANSPOSED = frozenset({"transpose", "matrix_transpose", "adjoint"})
_MADE_COMPLEX = frozenset({"complex", "fft", "fft2d", "rfft", "ifft", "stft", "eig", "logm"})
_MADE_REAL = frozenset({"real", "imag", "abs", "angle", "irfft"})
_DEEPEST = 40
"""So many operations are looked through."""


def symmetric(value: Value, depth: int = 0) -> bool:
    """Whether a real matrix is certainly symmetric."""
    if not isinstance(value, Tensor) or depth > _DEEPEST or (depth == 0 and _is_complex(value)):
        return False
    operation, deeper = value.operation, depth + 1
    name, inputs = operation.name, operation.inputs
    if name in _DIAGONAL or (name in ("zeros", "ones") and operation.kind == "constant" and _is_square(value)):
        return True
    if name in _KEPT or name in _OF_A_SYMMETRIC_ONE or name in _TRANSPOSED:
        return bool(inputs) and symmetric(inputs[0], deeper)
    if name in ("matmul", "dot"):
        return _is_congruence(operation, deeper)
    if len(inputs) != 2:
        return False
    one, other = inputs
    if name in ("add", "subtract", "sub", "add_v2", "multiply", "mul"):
        if name.startswith("add") and (_is_transpose(one, other) or _is_transpose(other, one)):
            return True
        parts = [symmetric(part, deeper) for part in inputs]
        return any(parts) and all(known or _is_scalar(part) for known, part in zip(parts, inputs, strict=True))
    if name in ("divide", "truediv", "div"):
        return symmetric(one, deeper) and _is_scalar(other)
    return False


def nonnegative(value: Value, depth: int = 0) -> bool:
    """Whether a matrix that is symmetric has certainly no negative eigenvalue."""
    if not isinstance(value, Tensor) or depth > _DEEPEST:
        return False
    operation, deeper = value.operation, depth + 1
    name, inputs = operation.name, operation.inputs
    if name in ("eye", "expm"):
        return True
    if name in _KEPT or name in _TRANSPOSED or name in ("inv", "matrix_inverse", "pinv", "sqrtm"):
        return bool(inputs) and nonnegative(inputs[0], deeper)
    if name in ("matmul", "dot"):
        return _is_gram(operation)
    if name in ("add", "add_v2") and len(inputs) == 2:
        return all(nonnegative(part, deeper) for part in inputs)
    if name in ("multiply", "mul") and len(inputs) == 2:
        one, other = inputs
        return (nonnegative(one, deeper) and _is_positive(other)) or (nonnegative(other, deeper) and _is_positive(one))
    if name in ("divide", "truediv", "div") and len(inputs) == 2:
        return nonnegative(inputs[0], deeper) and _is_positive(inputs[1])
    return False


def _is_congruence(operation: Operation, depth: int) -> bool:
    """`x @ xᵀ`, or `x @ s @ xᵀ` with a symmetric `s`."""
    if _is_gram(operation):
        return True
    (left, left_turned), (right, right_turned) = _factors(operation)
    if left_turned or not isinstance(left, Tensor) or left.operation.name not in ("matmul", "dot"):
        return False
    (first, first_turned), (middle, _) = _factors(left.operation)
    return first is right and first_turned != right_turned and symmetric(middle, depth)


def _is_gram(operation: Operation) -> bool:
    (left, left_turned), (right, right_turned) = _factors(operation)
    return left is right and left_turned != right_turned


def _factors(operation: Operation) -> tuple[tuple[Value, bool], tuple[Value, bool]]:
    """What is multiplied, without its transposition, and whether it is transposed."""
    inputs, given = operation.inputs, operation.arguments or {}
    if len(inputs) != 2:
        return (Constant(None), False), (Constant(None), False)
    flags = [
        any(isinstance(word := given.get(f"{kind}_{side}"), Constant) and word.value is True for kind in _FLAGS)
        for side in "ab"
    ]
    (left, left_turned), (right, right_turned) = _without_transposition(inputs[0]), _without_transposition(inputs[1])
    return (left, left_turned != flags[0]), (right, right_turned != flags[1])


_FLAGS = ("transpose", "adjoint")


def _without_transposition(value: Value) -> tuple[Value, bool]:
    turned = False
    while isinstance(value, Tensor) and value.operation.name in _TRANSPOSED and value.operation.inputs:
        given = value.operation.arguments or {}
        if value.operation.name == "transpose" and (len(value.operation.inputs) > 1 or "perm" in given or "1" in given):
            break  # which axes it turns is not looked at
        value, turned = value.operation.inputs[0], not turned
    return value, turned


def _is_transpose(one: Value, other: Value) -> bool:
    inner, turned = _without_transposition(other)
    return turned and inner is one


def _is_scalar(value: Value) -> bool:
    if isinstance(value, Constant):
        return isinstance(value.value, (int, float))
    if shape_of(value) == ():
        return True
    if not isinstance(value, Tensor):
        return False
    operation = value.operation
    return _is_size(operation) or (
        operation.name == "cast" and bool(operation.inputs) and _is_scalar(operation.inputs[0])
    )


def _is_size(operation: Operation) -> bool:
    """Whether this is one of the sizes of a tensor."""
    first = operation.inputs[0] if operation.inputs else None
    if operation.name == "size":
        return True
    return operation.name == "getitem" and isinstance(first, Tensor) and first.operation.name == "shape"


def _is_positive(value: Value) -> bool:
    if isinstance(value, Constant):
        return isinstance(value.value, (int, float)) and value.value > 0
    if not isinstance(value, Tensor) or not _is_scalar(value):
        return False
    operation = value.operation
    if operation.name == "cast" and operation.inputs:
        return _is_positive(operation.inputs[0])
    return _is_size(operation) or operation.name in ("exp", "softplus", "sigmoid", "square")


def _is_complex(matrix: Value) -> bool:
    """Whether something that the matrix is made of may have an imaginary part."""

    def parts(value: Value) -> tuple[Value, ...]:
        if isinstance(value, Variable):
            return (value.initial,) if value.initial is not None else ()
        return value.operation.inputs if isinstance(value, Tensor) and value.operation.name not in _MADE_REAL else ()

    return any(
        (dtype_of(each) or "").startswith("complex")
        or (isinstance(each, Constant) and isinstance(each.value, complex))
        or (isinstance(each, Tensor) and each.operation.name in _MADE_COMPLEX)
        for each in each_once((matrix,), parts)
        if not (isinstance(each, Tensor) and each.operation.name in _MADE_REAL)
    )


def _is_square(value: Tensor) -> bool:
    shape = value.shape or ()
    return len(shape) >= 2 and shape[-1] == shape[-2] and shape[-1] is not None
