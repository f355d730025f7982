"""What is known of values per sample: their shape and number, what they were before axes were added, and whether a
program lays them out itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from regrad.analysis.operations import TABLE
from regrad.analysis.operators import shape_of
from regrad.analysis.values import Constant, Loss, Shape, Tensor, Value

ALONG_AN_AXIS = frozenset(
    """softmax log_softmax clip_by_norm l2_normalize l2_norm normalize reverse flip roll sort argsort cumsum cumprod
    cumulative_logsumexp standardize matrix_inverse inv cholesky band_part bias_add argmax argmin top_k matmul matvec
    tensordot einsum dot batch_dot transpose getitem gather gather_nd take take_along_axis tile repeat split unstack
    trace diag diag_part set_diag reduce_max reduce_min reduce_prod reduce_logsumexp reduce_std reduce_variance
    reduce_euclidean_norm max min prod std var amax amin logsumexp norm median segment_sum segment_mean
    unsorted_segment_sum self_adjoint_eig svd eigh det slogdet logdet permute_dimensions swapaxes""".split()
)
NUMBER_BY_NUMBER = (
    frozenset(name for name, operator in TABLE.items() if operator.shape in ("same", "broadcast")) - ALONG_AN_AXIS
) | frozenset({"where", "select", "cast", "convert_to_tensor", "positive", "astype", "add_n", "Print", "print"})
_OTHER_FORM = frozenset({"reshape", "squeeze", "expand_dims", "transpose", "permute_dimensions", "flatten", "ravel"})
_KEPT = frozenset({"stop_gradient", "identity", "cast", "convert_to_tensor", "astype"})
_DEEPEST = 24


def form(value: Value) -> Shape | None:
    """The shape, also of losses per sample."""
    known = shape_of(value)
    if known is not None or not isinstance(value, Tensor):
        return known
    operation = value.operation
    if operation.kind != "loss":
        return None
    if isinstance(operation.callee, Loss):
        reduction = operation.callee.arguments.get("reduction")
        if reduction is None:
            return ()
        if not (isinstance(reduction, Constant) and reduction.value in (None, "none")):
            return None
    shapes = [shape for part in operation.inputs if (shape := shape_of(part))]
    longest = max(shapes, key=len, default=None)
    return None if longest is None or len(longest) < 2 else longest[:-1]


def length(value: Value, depth: int = 0) -> int | None:
    """How many samples there are; a model gives as many numbers as it is given samples."""
    shape = form(value)
    if shape and shape[0] is not None:
        return shape[0]
    if not isinstance(value, Tensor) or depth > _DEEPEST:
        return None
    operation = value.operation
    if operation.kind == "model":
        given: Iterable[Value] = operation.inputs[1:]
    elif operation.kind == "layer":
        given = operation.inputs[:1]
    elif operation.name in NUMBER_BY_NUMBER:
        given = [part for part in operation.inputs if len(form(part) or ()) == len(shape or ())]
    elif operation.name in ("range", "arange", "linspace"):
        return _stated(operation.node)
    elif operation.kind == "index" or operation.name in _OTHER_FORM - {"transpose", "reshape"}:
        # An index that takes samples leaves a length that is not known either; `[:, None]` and `[:, 0]` keep it.
        given = operation.inputs[:1] if _whole(operation.node) else ()
    else:
        given = ()
    return next((known for part in given if (known := length(part, depth + 1)) is not None), None)


def _whole(node: ast.AST | None) -> bool:
    """Whether an index begins with all samples."""
    if not isinstance(node, ast.Subscript):
        return True
    first = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
    return isinstance(first, ast.Slice) and first.lower is None and first.upper is None and first.step is None


def _stated(node: ast.AST | None) -> int | None:
    """The number of elements that a call of `range` or `linspace` says."""
    if not isinstance(node, ast.Call):
        return None
    line = isinstance(node.func, ast.Attribute) and node.func.attr.startswith("lin")
    places = node.args[2:3] if line else node.args if len(node.args) == 1 else []
    places = [*places, *(each.value for each in node.keywords if line and each.arg == "num")]
    return next(
        (each.value for each in places if isinstance(each, ast.Constant) and isinstance(each.value, int)),
        None,
    )


def laid_out(value: Value, depth: int = 0) -> bool:
    """Whether a program lays these numbers out itself, as a range or a list of numbers: a grid, and no samples."""
    if isinstance(value, Constant):
        return True
    if not isinstance(value, Tensor) or depth > _DEEPEST:
        return False
    operation = value.operation
    if operation.name in ("range", "arange", "linspace", "logspace"):
        return True
    if operation.name in ("constant", "array", "asarray"):
        return all(isinstance(part, Constant) or laid_out(part, depth + 1) for part in operation.inputs)
    passed = operation.name in NUMBER_BY_NUMBER | _OTHER_FORM or operation.kind == "index"
    return passed and bool(operation.inputs) and all(laid_out(part, depth + 1) for part in operation.inputs)


def number_by_number(value: Tensor) -> bool:
    """Whether each of its numbers is made of those at the same place."""
    return value.operation.name in NUMBER_BY_NUMBER and value.operation.kind not in ("layer", "model", "loss")


def fit(flat: Value, column: Value) -> bool:
    """Whether `(n,)` and `(n, 1)` may be numbers of the same samples."""
    one, other = length(flat), length(column)
    if one is not None and other is not None:
        return one == other
    return not (laid_out(flat) and one is not None)


def root(value: Value) -> tuple[Value, tuple[str, ...]]:
    """What a value was before its axes were turned or added, and how they were."""
    turns: list[str] = []
    while isinstance(value, Tensor) and value.operation.inputs and len(turns) < _DEEPEST:
        operation = value.operation
        first = operation.inputs[0]
        if operation.kind == "index":
            before, after = shape_of(first), value.shape
            known = before is not None and after is not None and len(before) != len(after)
            if not known and not _adds_an_axis(operation.node):
                break
            turns.append(ast.unparse(operation.node.slice) if isinstance(operation.node, ast.Subscript) else "index")
        elif operation.name in _OTHER_FORM:
            turns.append(operation.name)
        elif operation.name not in _KEPT:
            break
        value = first
    return value, tuple(turns)


def _adds_an_axis(node: ast.AST | None) -> bool:
    """Whether an index takes everything, and adds an axis."""
    if not isinstance(node, ast.Subscript):
        return False
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    new = [
        (isinstance(each, ast.Constant) and each.value is None)
        or (isinstance(each, ast.Attribute) and each.attr == "newaxis")
        for each in parts
    ]
    whole = [
        (isinstance(each, ast.Constant) and each.value is Ellipsis)
        or (isinstance(each, ast.Slice) and each.lower is None and each.upper is None and each.step is None)
        for each in parts
    ]
    return any(new) and all(one or other for one, other in zip(new, whole, strict=True))
