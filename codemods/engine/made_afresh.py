"""Whether an expression makes variables of its own, or takes over those of somebody else."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.callee import called
from regrad.codemods.engine.effects import path_of
from regrad.codemods.engine.same_object import Definitions, FunctionNode, own_nodes

_MAKERS = ("Variable", "variable", "add_weight", "add_variable", "get_variable")
ELSEWHERE = "?"
"""The first letter of a holder that has no name."""
_DEEPEST = 3


def fresh(node: ast.expr, known: Definitions, depth: int = 0) -> bool:
    """Whether an expression makes variables of its own, that nobody else holds."""
    if isinstance(node, ast.Starred):
        return fresh(node.value, known, depth)
    if isinstance(node, (ast.List, ast.Tuple)):
        return bool(node.elts) and all(fresh(each, known, depth) for each in node.elts)
    if isinstance(node, ast.Dict):
        return bool(node.values) and all(fresh(each, known, depth) for each in node.values)
    if isinstance(node, ast.IfExp):
        return fresh(node.body, known, depth) and fresh(node.orelse, known, depth)
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        return fresh(node.elt, known, depth)
    if isinstance(node, ast.DictComp):
        return fresh(node.value, known, depth)
    if not isinstance(node, ast.Call):
        return False
    name = called(node)
    if name.endswith(_MAKERS) and name not in known.functions:
        return True
    if name in ("list", "tuple", "dict") and node.args:
        return all(fresh(each, known, depth) for each in node.args)
    functions = known.functions.get(name, ())
    return bool(functions) and depth < _DEEPEST and all(_gives_fresh(each, known, depth + 1) for each in functions)


def _gives_fresh(function: FunctionNode, known: Definitions, depth: int) -> bool:
    bound: dict[str, list[ast.expr | None]] = {}
    returns: list[ast.expr] = []
    for node in own_nodes(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs: list[tuple[ast.expr, ast.expr | None]] = [(target, node.value)]
                if isinstance(target, ast.Tuple):
                    elements = node.value.elts if isinstance(node.value, ast.Tuple) else []
                    same = len(elements) == len(target.elts)
                    whole = None if not fresh(node.value, known, depth) else node.value
                    pairs = [(part, elements[i] if same else whole) for i, part in enumerate(target.elts)]
                for part, value in pairs:
                    if isinstance(part, ast.Name):
                        bound.setdefault(part.id, []).append(value)
        elif isinstance(node, ast.Return) and node.value is not None:
            returns.append(node.value)

    def made(node: ast.expr) -> bool:
        if isinstance(node, (ast.Tuple, ast.List)):
            return bool(node.elts) and all(map(made, node.elts))
        if isinstance(node, ast.Dict):
            return bool(node.values) and all(map(made, node.values))
        if isinstance(node, ast.Name):
            values = bound.get(node.id, [])
            kept = any(returned_or_kept(node.id))
            return (
                bool(values) and not kept and all(value is not None and fresh(value, known, depth) for value in values)
            )
        return fresh(node, known, depth)

    def returned_or_kept(name: str) -> Iterator[bool]:
        for node in own_nodes(function):
            if isinstance(node, ast.Global) and name in node.names:
                yield True

    return bool(returns) and all(map(made, returns))


def sources(node: ast.expr) -> list[str] | None:
    """The names from which an expression takes variables over; None where it computes something else."""
    if isinstance(node, (ast.Name, ast.Attribute)):
        root = path_of(node)
        return [root] if root is not None else [f"{ELSEWHERE}{node.lineno}"]
    if isinstance(node, (ast.Starred, ast.Subscript)):
        return sources(node.value)
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return [root for each in node.elts for root in sources(each) or ()]
    if isinstance(node, ast.Dict):
        return [root for each in node.values for root in sources(each) or ()]
    if isinstance(node, ast.IfExp):
        return [*(sources(node.body) or ()), *(sources(node.orelse) or ())]
    if isinstance(node, ast.Call):
        base = path_of(node.func) or ""
        if base.startswith(("tf.", "np.", "tensorflow.", "numpy.", "random.")):
            return None
        if called(node) in ("list", "tuple", "dict", "zip", "enumerate", "reversed"):
            return [root for each in node.args for root in sources(each) or ()]
        return [f"{ELSEWHERE}{node.lineno}"]
    return None
