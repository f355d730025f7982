"""Weights that join others of which each is moved by a statement of its own: `w.assign_sub(rate * slope)`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from regrad.analysis.events import GradientTaken
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.source import SourceFile
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import block_of, function_around

_APART = "each weight is moved by a statement of its own, and these have none"


class _Gradients(NamedTuple):
    """What holds the gradients behind the request: a name for each, or one name for the list of them."""

    names: tuple[str, ...]
    whole: str | None

    def place(self, node: ast.AST) -> int | None:
        """Which gradient a node reads; None for another thing."""
        if self.whole is None:
            return self.names.index(node.id) if isinstance(node, ast.Name) and node.id in self.names else None
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == self.whole:
            place = node.slice
            return place.value if isinstance(place, ast.Constant) and isinstance(place.value, int) else None
        return None


def moved_as_well(program: Program, event: GradientTaken, asked: ast.List, missing: Sequence[str]) -> tuple[Edit, ...]:
    """The request asks for the missing weights too, and each is moved by a statement like those of the others.

    Raises `CannotMove` where the statements of the others are not alike.
    """
    from regrad.codemods.engine.moving import Rewrite, after

    path = event.frame.path
    request = program.statement(event.node, path)
    if not isinstance(request, ast.Assign) or request.value is not event.node or len(request.targets) > 1:
        raise CannotMove(_APART)
    weights = [program.source(item, path) for item in asked.elts]
    gradients = _held(request.targets[0], len(weights))
    moves = _moves(program, path, request, gradients, weights)
    around = function_around(program, request, path) or program.trees[path]
    taken = {node.id for node in ast.walk(around) if isinstance(node, ast.Name)}
    rewrite = Rewrite(program.files[path], program.trees[path])
    added: list[str] = []
    lines: list[str] = []
    for number, weight in enumerate(missing):
        gradient = _gradient_of(gradients, weights, weight, taken, len(weights) + number)
        added.append(gradient)
        lines.append(_filled(program, path, moves[0], gradients, weights, weight, gradient))
    rewrite.replace(asked, f"[{', '.join((*weights, *missing))}]")
    rewrite.insert("\n".join(lines), after(max(moves, key=lambda statement: statement.lineno)))
    target = request.targets[0]
    if not isinstance(target, ast.Tuple):
        return rewrite.edits()
    end = program.files[path].span(target.elts[-1]).end
    return (Edit(path, Span(end, end), "".join(f", {name}" for name in added)), *rewrite.edits())


def _held(target: ast.expr, count: int) -> _Gradients:
    if isinstance(target, ast.Name):
        return _Gradients((), target.id)
    parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
    names = tuple(part.id for part in parts if isinstance(part, ast.Name))
    if len(names) != count or len(parts) != count or isinstance(target, ast.List):
        raise CannotMove(_APART)
    return _Gradients(names, None)


def _moves(
    program: Program, path: str, request: ast.stmt, gradients: _Gradients, weights: Sequence[str]
) -> list[ast.stmt]:
    """The statement that moves each of the weights, in their order."""
    block = block_of(program, request, path)
    start = next(index for index, other in enumerate(block) if other is request)
    found: dict[int, ast.stmt] = {}
    around = function_around(program, request, path) or program.trees[path]
    held = set(gradients.names) if gradients.whole is None else {gradients.whole}
    parents = program.parents(path)
    for node in ast.walk(around):
        if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in held):
            continue
        read: ast.AST = node if gradients.whole is None else parents[node]
        index, statement = gradients.place(read), program.statement(node, path)
        if index is None or index in found or not isinstance(statement, ast.Expr):
            raise CannotMove(_APART)
        if not any(statement is other for other in block[start:]):
            raise CannotMove(_APART)
        found[index] = statement
    if sorted(found) != list(range(len(weights))):
        raise CannotMove(_APART)
    moves = [found[index] for index in range(len(weights))]
    shapes = {_filled(program, path, move, gradients, weights, "_weight_", "_gradient_") for move in moves}
    if len(shapes) > 1 or any("_weight_" not in shape for shape in shapes) or "\n" in "".join(shapes):
        raise CannotMove("the statements that move the weights are not alike")
    return moves


def _filled(
    program: Program,
    path: str,
    statement: ast.stmt,
    gradients: _Gradients,
    weights: Sequence[str],
    weight: str,
    gradient: str,
) -> str:
    """The text of a statement that moves a weight, for another weight and its gradient."""
    source = program.files[path]
    start, _ = _extent(source, statement)
    text = program.source(statement, path)
    own = {index for node in ast.walk(statement) if (index := gradients.place(node)) is not None}
    places: list[tuple[int, int, str]] = []
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        new = None
        if gradients.place(node) is not None:
            new = gradient
        elif isinstance(node, ast.expr) and any(program.source(node, path) == weights[index] for index in own):
            new = weight
        if new is None:
            stack.extend(ast.iter_child_nodes(node))
        else:
            first, last = _extent(source, node)
            places.append((first - start, last - start, new))
    for first, last, new in sorted(places, reverse=True):
        text = text[:first] + new + text[last:]
    return text


def _extent(source: SourceFile, node: ast.AST) -> tuple[int, int]:
    span = source.span(node)
    return source.offset(span.start), source.offset(span.end)


def _gradient_of(gradients: _Gradients, weights: Sequence[str], weight: str, taken: set[str], index: int) -> str:
    """How the gradient of one more weight is said: named in the manner of the others."""
    if gradients.whole is not None:
        return f"{gradients.whole}[{index}]"
    short, known = weight.rpartition(".")[2], weights[0].rpartition(".")[2]
    like = gradients.names[0]
    name = like.replace(known, short) if known in like else f"gradient_of_{short}"
    while name in taken:
        name += "_"
    taken.add(name)
    return name
