"""An assignment that binds one plain name: `name = value`."""

from __future__ import annotations

import ast
from typing import NamedTuple


class Binding(NamedTuple):
    """The statement, with its two sides."""

    statement: ast.Assign
    target: ast.Name
    value: ast.expr


def binding(node: ast.AST | None, value: ast.AST | None = None) -> Binding | None:
    """What a statement binds to one name; None where it is anything else, or binds anything else than `value`."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        return None
    return Binding(node, node.targets[0], node.value) if value is None or node.value is value else None
