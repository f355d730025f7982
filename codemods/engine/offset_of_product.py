"""The one product of a layer that a weight which starts at zero can be the offset of."""

from __future__ import annotations

import ast

from regrad.analysis.operators import shape_of
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor, Variable
from regrad.codemods.engine.first_value import starts_at_zero
from regrad.codemods.engine.operations_of import tensors

_PRODUCTS = frozenset({"matmul", "MatMult", "tensordot", "dot", "einsum", "conv1d", "conv2d", "conv3d", "convolution"})
_ADDS = frozenset({"add", "bias_add"})


def product_with_offset(program: Program, offset: Variable) -> ast.expr | None:
    """The expression, where the layer has a single product with its own weights, of a shape that the offset fits, and
    nothing is added to it yet.
    """
    shape, frame = shape_of(offset), offset.frame
    if frame is None or not shape or not starts_at_zero(offset):
        return None
    products = [tensor for tensor in tensors(program) if tensor.operation.name in _PRODUCTS and _of(frame.this, tensor)]
    nodes = {id(product.operation.node): product for product in products}
    if len(nodes) != 1:
        return None
    (product,) = nodes.values()
    operation = product.operation
    ends = (product.shape or ())[-len(shape) :]
    if operation.frame is None or operation.frame.path != frame.path or ends != shape or None in ends:
        return None
    added = any(
        tensor.operation.name in _ADDS and any(part is each for part in tensor.operation.inputs for each in products)
        for tensor in tensors(program)
    )
    return operation.node if isinstance(operation.node, ast.expr) and not added else None


def _of(owner: object, product: Tensor) -> bool:
    """Whether one of the factors is a weight that the same object made."""
    return any(
        isinstance(factor, Variable) and factor.frame is not None and factor.frame.this is owner
        for factor in product.operation.inputs
    )
