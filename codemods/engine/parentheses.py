"""An expression in the place of another, with the parentheses that it needs and without those that it does not."""

from __future__ import annotations

import ast

from regrad.analysis.source import SourceFile
from regrad.codemods.engine.layout import CannotMove

_BEFORE_OPERAND = frozenset("=+-*/%@<>&|^~,([{:")
_SIMPLE = (
    ast.Name,
    ast.Constant,
    ast.Call,
    ast.Attribute,
    ast.Subscript,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.JoinedStr,
)
"""Expressions that need parentheses nowhere (a number before a dot apart)."""


def refuse_inexact(node: ast.expr, text: str) -> None:
    """Raises `CannotMove` where the text is not what the node was read from."""
    try:
        found = ast.parse(f"({text}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        found = None
    if found is None or _dump(found) != _dump(node):
        raise CannotMove("the place of the expression is not known exactly (inside an f-string?)")


def parenthesised(node: ast.expr, parent: ast.AST, field: str, text: str) -> str:
    """The text in the place of the node, which is `field` of its parent."""
    if isinstance(node, ast.GeneratorExp):
        return f"({text})"
    text = text.strip()
    try:
        new = ast.parse(f"({text}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise CannotMove(f"`{text}` is no expression") from None
    # An expression whose own place is not where `text` starts has brought its parentheses along.
    starts = 0 if isinstance(new, ast.Tuple | ast.GeneratorExp) else 1
    if new.lineno > 1 or new.col_offset > starts:
        return text
    if not _same(text, new):
        return f"({text})"
    if isinstance(new, _SIMPLE):
        return f"({text})" if isinstance(new, ast.Constant) and isinstance(parent, ast.Attribute) else text
    free = (
        isinstance(
            parent, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return | ast.Expr | ast.keyword | ast.Lambda
        )
        or (isinstance(parent, ast.Call) and field == "args")
        or (isinstance(parent, ast.List | ast.Tuple | ast.Set) and field == "elts")
        or (isinstance(parent, ast.If | ast.While) and field == "test")
    )
    if isinstance(new, ast.Tuple) and isinstance(parent, ast.For | ast.AsyncFor) and field == "target":
        return text
    plain = isinstance(new, ast.BinOp | ast.UnaryOp | ast.Compare | ast.BoolOp | ast.IfExp | ast.Lambda)
    return text if free and plain else f"({text})"


def with_own_parentheses(source: SourceFile, start: int, end: int, text: str) -> tuple[int, int]:
    """The place with the parentheses around it, where the new text is in one piece and needs none."""
    written = source.text
    if written[start - 1 : start] != "(" or written[end : end + 1] != ")":
        return start, end
    line = max(written.rfind("\n", 0, start), written.rfind("\r", 0, start)) + 1
    # Behind a name, a closing bracket or a string they are those of a call.
    if written[line : start - 1].rstrip(" \t")[-1:] not in _BEFORE_OPERAND:
        return start, end
    new = ast.parse(f"({text}\n)", mode="eval").body
    return (start - 1, end + 1) if isinstance(new, _SIMPLE) and not text.startswith("(") else (start, end)


def _dump(node: ast.AST) -> str:
    return ast.dump(node).replace("Store()", "Load()").replace("Del()", "Load()")


def _same(text: str, node: ast.expr) -> bool:
    """Whether the text means the same without parentheses around it."""
    try:
        return _dump(ast.parse(text, mode="eval").body) == _dump(node)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
