"""Sums in which a value stands beside what was made of it: residual blocks, skips."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from regrad.analysis.callee import called
from regrad.codemods.engine.surroundings import loaded

_SUMS = frozenset({"add", "Add", "add_n"})


def residual_sum(function: ast.AST, parents: Mapping[ast.AST, ast.AST], but: ast.stmt) -> ast.expr | None:
    """The first such sum of a function, other than in `but`."""
    own = set(map(id, ast.walk(but)))
    sums = [node for node in ast.walk(function) if isinstance(node, ast.expr) and id(node) not in own]
    for node in sorted(sums, key=lambda each: (each.lineno, each.col_offset)):
        terms = _terms(node, parents)
        for term in terms:
            if isinstance(term, ast.Name):
                made = _made_from(function, term.id)
                if any(made & loaded(other) for other in terms if other is not term):
                    return node
    return None


def keeps(value: ast.expr, name: str) -> bool:
    """Whether `value` is a sum, and `name` one of its terms."""
    return any(isinstance(term, ast.Name) and term.id == name for term in _terms(value, {}))


def _terms(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> list[ast.expr]:
    """What a sum adds up; nothing for what is no sum, or is part of a longer one."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        holder = parents.get(node)
        if isinstance(holder, ast.BinOp) and isinstance(holder.op, ast.Add):
            return []
        terms: list[ast.expr] = []
        waiting: list[ast.expr] = [node]
        while waiting:
            each = waiting.pop()
            if isinstance(each, ast.BinOp) and isinstance(each.op, ast.Add):
                waiting += [each.right, each.left]
            else:
                terms.append(each)
        return terms
    if isinstance(node, ast.Call) and node.args:
        # `add(a, b)`, `add([a, b])` and `Add()([a, b])`; a layer that is kept under a name tells by that name.
        name = called(node.func) if isinstance(node.func, ast.Call) else called(node)
        if name in _SUMS or (name.lower().startswith("add") and isinstance(node.args[0], ast.List)):
            return list(node.args[0].elts) if isinstance(node.args[0], ast.List) else list(node.args)
    return []


def _made_from(function: ast.AST, name: str) -> set[str]:
    """`name` and the names that are bound to anything computed from it, one from the other."""
    made = {name}
    bindings = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
    while True:
        more = {
            target.id
            for binding in bindings
            if made & loaded(binding.value)
            for target in binding.targets
            if isinstance(target, ast.Name)
        }
        if more <= made:
            return made
        made |= more
