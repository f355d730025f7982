"""Reads of a name that do not look at the value it stands for."""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.codemods.engine.same_object import KEEPING

_OF_VARIABLES = frozenset(
    "gradient jacobian batch_jacobian gradients watch apply_gradients minimize compute_gradients".split()
)
"""What is given variables to have those that there are, not their values."""


def harmless(program: Program, node: ast.expr, path: str) -> bool:
    """Whether what a name stands for is not looked at: more is put into it, or it is asked for its variables."""
    parents = program.parents(path)
    parent = parents.get(node)
    if isinstance(parent, ast.Attribute):
        above = parents.get(parent)
        if isinstance(above, ast.Call) and above.func is parent and parent.attr in KEEPING | {"clear"}:
            return True
        return parent.attr in ("shape", "dtype", "name")
    if isinstance(parent, ast.Subscript) and parent.value is node and isinstance(parent.ctx, ast.Store):
        return True
    if isinstance(parent, ast.Compare):
        return all(isinstance(each, (ast.Is, ast.IsNot)) for each in parent.ops)
    if isinstance(parent, ast.Call) and called(parent) in ("len", "isinstance", "type", "id"):
        return True
    return as_variables(program, node, path)


def as_variables(program: Program, node: ast.expr, path: str) -> bool:
    """Whether what a name stands for is used for the variables that it is: as the source of a gradient, say."""
    parents = program.parents(path)
    parent = parents.get(node)
    while isinstance(parent, (ast.List, ast.Tuple)) or (isinstance(parent, ast.Call) and called(parent) == "zip"):
        parent = parents.get(parent)
    return isinstance(parent, ast.Call) and called(parent) in _OF_VARIABLES
