"""The nodes of one syntax tree, found once for all who ask: in order, by class, and each with its parent."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, TypeVar

_WORDS = {"id", "attr", "asname", "module", "level", "kind", "type_comment", "conversion"}
_SHARED = {"ctx", "op", "ops"}
_INNER = {
    kind: tuple(name for name in kind._fields if kind is not ast.Constant and name not in _WORDS | _SHARED)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""By the class of a node, its fields that may hold nodes which have one place."""

N = TypeVar("N", bound=ast.AST)


class TreeIndex:
    """Made in one go, without the generators of `ast.walk`; contexts and operators, of which all expressions share one
    node each, are left out.
    """

    __slots__ = ("_by_class", "nodes", "parents")

    def __init__(self, tree: ast.AST) -> None:
        nodes: list[ast.AST] = [tree]
        parents: dict[ast.AST, ast.AST] = {}
        kinds: dict[type[ast.AST], list[Any]] = {}
        for node in nodes:
            kind = type(node)
            if kind in kinds:
                kinds[kind].append(node)
            else:
                kinds[kind] = [node]
            for name in _INNER[kind]:
                child = getattr(node, name, None)
                if type(child) is list:
                    for part in child:
                        if isinstance(part, ast.AST):
                            parents[part] = node
                            nodes.append(part)
                elif child is not None and isinstance(child, ast.AST):
                    parents[child] = node
                    nodes.append(child)
        self.nodes = tuple(nodes)
        self.parents = parents
        self._by_class = kinds

    def of(self, kind: type[N]) -> Sequence[N]:
        """The nodes of exactly one class, in the order of `ast.walk`."""
        return self._by_class.get(kind, ())
