"""A request for the gradients of several lists of weights at once, part by part: which weights, and under which name
their gradients go on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import applications
from regrad.analysis.events import Applied, GradientTaken
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Mapping, Value, WeightList


class Part(NamedTuple):
    """One list of weights that a request asks for."""

    event: GradientTaken
    weights: WeightList
    asked: ast.AST | None
    """Where the list is said."""
    key: int | str | None = None
    """Its place among the others; None where it is the only one."""


def parts_of(event: GradientTaken) -> list[Part]:
    """The lists that are asked for; none where anything else is asked for besides."""
    sources, node = event.sources, event.sources_node
    if isinstance(sources, WeightList):
        return [Part(event, sources, node)]
    found: list[tuple[int | str, Value, ast.AST | None]] = []
    if isinstance(sources, Collection) and sources.complete and not sources.grown and sources.kind != "set":
        written = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [None] * len(sources.items)
        found = [(at, value, each) for at, (value, each) in enumerate(zip(sources.items, written, strict=False))]
    elif isinstance(sources, Mapping) and sources.complete and isinstance(node, ast.Dict):
        texts = {key.value: value for key, value in zip(node.keys, node.values, strict=True) if _is_text(key)}  # type: ignore[union-attr]
        found = [(key, value, texts.get(key)) for key, value in sources.entries.items() if isinstance(key, str)]
    parts = [Part(event, value, each, key) for key, value, each in found if isinstance(value, WeightList)]
    return parts if len(parts) == len(found) else []


def _is_text(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def given_to_optimizer(program: Program, part: Part) -> bool:
    """Whether an optimizer is given the gradients of this part, or may be."""
    if part.key is None:
        return applications.of(program, part.event) is not None
    return any(
        gradients.event is part.event and (gradients.sources is part.weights or gradients.index in (None, -1))
        for applied in program.of(Applied)
        for gradients in applications.gradients_in(applied.pairs)
    )


def unpacked_to(part: Part, statement: ast.Assign) -> str | None:
    """The name that the statement unpacks the gradients of this part to."""
    target = statement.targets[0]
    if statement.value is not part.event.node or not isinstance(part.key, int):
        return None
    if not isinstance(target, (ast.Tuple, ast.List)) or part.key >= len(target.elts):
        return None
    if any(isinstance(each, ast.Starred) for each in target.elts):
        return None
    name = target.elts[part.key]
    return name.id if isinstance(name, ast.Name) else None


def taken_from(part: Part, statement: ast.Assign, scope: ast.AST, program: Program) -> list[ast.Subscript] | None:
    """Where the gradients of this part are taken out of the answer; None where they may be taken otherwise."""
    target = statement.targets[0]
    if statement.value is not part.event.node or not isinstance(target, ast.Name):
        return None
    parents, found = program.parents(part.event.frame.path), []
    for node in _mentions(scope, target):
        outer = parents.get(node)
        key = outer.slice if isinstance(outer, ast.Subscript) and outer.value is node else None
        if not isinstance(outer, ast.Subscript) or not isinstance(key, ast.Constant):
            return None
        if key.value == part.key:
            found.append(outer)
    return found


def _mentions(scope: ast.AST, target: ast.Name) -> Iterator[ast.Name]:
    for node in ast.walk(scope):
        if isinstance(node, ast.Name) and node.id == target.id and node is not target:
            yield node
