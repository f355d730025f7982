"""A sum taken apart into its terms, each with its sign, and written down again."""

from __future__ import annotations

import ast
from collections.abc import Iterable


def terms_of(node: ast.expr, added: bool = True) -> list[tuple[ast.expr, bool]]:
    """The terms in their order, and whether each is added or taken off."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        other = added if isinstance(node.op, ast.Add) else not added
        return [*terms_of(node.left, added), *terms_of(node.right, other)]
    return [(node, added)]


def written(terms: Iterable[tuple[str, ast.expr, bool]]) -> str:
    """The text of a sum of terms: each with its text, the expression that it comes from, and whether it is added."""
    whole = ""
    for text, node, added in terms:
        # Behind a sign, only what binds closer than a sum may stand as it is.
        product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div | ast.Pow | ast.MatMult)
        closed = product or isinstance(node, ast.Call | ast.Name | ast.Attribute | ast.Subscript | ast.Constant)
        part = text if added or closed else f"({text})"
        whole += f"{' + ' if added else ' - '}{part}" if whole else part if added else f"-{part}"
    return whole
