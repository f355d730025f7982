"""Copies of variables, which nothing can train, and optimizer calls that are given them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.events import Applied
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Gradients, Optimizer, Tensor, Unknown, Value, Variable, WeightList, Zip
from regrad.codemods.engine.rule import Mending, Safety

_COPYING = frozenset({"read_value", "value", "numpy", "identity", "convert_to_tensor", "array", "asarray", "copy"})


class AppliedToCopies(NamedTuple):
    """`apply_gradients` of pairs whose second part is a copy of a variable; `made` is the list of copies."""

    applied: Applied
    made: ast.ListComp
    path: str


def applied_to_copies(program: Program) -> Iterator[AppliedToCopies]:
    """Each optimizer call that is given tensors for variables."""
    for applied in program.of(Applied):
        pairs = applied.pairs
        if not isinstance(pairs, Zip) or len(pairs.parts) != 2 or not isinstance(applied.optimizer, Optimizer):
            continue
        one, other = pairs.parts
        if not isinstance(one, Gradients) and not isinstance(one, Collection):
            continue
        if not isinstance(other, Collection) or not other.items or not isinstance(other.node, ast.ListComp):
            continue
        if plain_copy(other.node) and all(_is_copy(item) for item in other.items):
            path = next((path for path in program.trees if other.node in program.parents(path)), None)
            if path is not None:
                yield AppliedToCopies(applied, other.node, path)


def _is_copy(value: Value) -> bool:
    operation = value.operation if isinstance(value, (Tensor, Unknown)) else None
    return operation is not None and bool(operation.inputs) and isinstance(operation.inputs[0], (Variable, WeightList))


def applied_to_variables(program: Program, evidence: AppliedToCopies) -> Mending:
    """The variables take the place of their copies."""
    from regrad.codemods.engine.moving import Rewrite

    rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
    rewrite.replace(evidence.made, program.source(evidence.made.generators[0].iter, evidence.path))
    return Mending("give the variables themselves", Safety.SAFE, rewrite.edits(), "the call raised before")


def copies(node: ast.expr) -> bool:
    """Whether an expression gives the content of a variable."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _COPYING


def plain_copy(made: ast.ListComp) -> bool:
    """Whether it is `[copy(v) for v in variables]`."""
    if len(made.generators) != 1 or made.generators[0].ifs or not isinstance(made.elt, ast.Call):
        return False
    element, target = made.elt, made.generators[0].target
    if not isinstance(target, ast.Name) or not copies(element):
        return False
    names = {node.id for node in ast.walk(element) if isinstance(node, ast.Name)}
    return target.id in names
