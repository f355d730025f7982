"""The name by which a call names what it calls."""

from __future__ import annotations

import ast


def called(node: ast.Call) -> str:
    """The last part of the name of what is called; "" where it has none."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""
