"""The text of an expression with other names, which stand where its tree says."""

from __future__ import annotations

import ast
from collections.abc import Mapping


def renamed_text(text: str, renamed: Mapping[str, str]) -> str:
    """The text with each name of `renamed` in the spelling that it gives; everything else stays."""
    if not any(old != new for old, new in renamed.items()):
        return text
    wrapped = f"({text}\n)"
    tree = ast.parse(wrapped, mode="eval").body
    lines = wrapped.split("\n")
    for node in sorted(
        (node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in renamed),
        key=lambda node: (node.lineno, node.col_offset),
        reverse=True,
    ):
        line = lines[node.lineno - 1].encode()
        end = node.end_col_offset or node.col_offset
        lines[node.lineno - 1] = (line[: node.col_offset] + renamed[node.id].encode() + line[end:]).decode()
    return "\n".join(lines)[1:].removesuffix("\n)")
