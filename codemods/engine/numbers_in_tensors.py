"""Tensors without axes: whether a value is one number, as a loss is."""

from __future__ import annotations

import ast

from regrad.analysis.values import Tensor

_REDUCTIONS = frozenset({"reduce_mean", "reduce_sum", "mean", "sum"})


def is_number(value: Tensor) -> bool:
    """Whether a value certainly has no axes, as a loss has none."""
    if value.shape == ():
        return True
    operation = value.operation
    if operation.kind in ("loss", "op") and operation.name in _REDUCTIONS and isinstance(operation.node, ast.Call):
        return len(operation.node.args) == 1 and not operation.node.keywords
    if operation.kind == "operator":
        parts = [part for part in operation.inputs if isinstance(part, Tensor)]
        return bool(parts) and all(is_number(part) for part in parts)
    return operation.kind == "loss"
