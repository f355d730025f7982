"""Steps that are made without an optimizer: `w = w - rate * gradient`, whether or not they reach a variable."""

from __future__ import annotations

import ast

from regrad.analysis.events import GradientTaken
from regrad.analysis.program import Program
from regrad.codemods.engine.surroundings import loaded

_Binding = ast.Assign | ast.AugAssign | ast.AnnAssign


def stepped_by_name(program: Program, event: GradientTaken, gradients: str) -> bool:
    """Whether what a gradient was asked of is bound anew, to something that is computed from `gradients`."""
    if event.sources_node is None:
        return False
    maker = event.frame.function
    function: ast.AST = maker.node if maker is not None else program.trees[event.frame.path]
    sources = {ast.unparse(each) for each in (event.sources_node, *getattr(event.sources_node, "elts", ()))}
    made, known = {gradients}, 0
    while len(made) > known:
        known = len(made)
        for node in ast.walk(function):
            if isinstance(node, (ast.For, ast.comprehension)) and made & loaded(node.iter):
                made |= _bound(node.target)
            if not isinstance(node, _Binding) or node.value is None or not made & loaded(node.value):
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(ast.unparse(part) in sources for target in targets for part in _parts(target)):
                return True
            made |= {name for target in targets for name in _bound(target)}
    return False


def _parts(target: ast.expr) -> list[ast.expr]:
    """What is bound, one by one; an element of a list counts as the list."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [part for each in target.elts for part in _parts(each)]
    return [target, target.value] if isinstance(target, ast.Subscript) else [target]


def _bound(target: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(target) if isinstance(each, ast.Name)}
