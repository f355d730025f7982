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


def bound_once(scope: ast.AST, name: str) -> Binding | None:
    """The one assignment in a scope that binds a name; None where several do, or anything else."""
    stores = [
        each
        for each in ast.walk(scope)
        if isinstance(each, ast.Name) and each.id == name and not isinstance(each.ctx, ast.Load)
    ]
    if len(stores) != 1:
        return None
    return next((binding(each) for each in ast.walk(scope) if getattr(each, "targets", None) == stores), None)
