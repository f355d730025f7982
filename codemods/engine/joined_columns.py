"""Columns that were cut out of an array, where the model is given the whole array and no column of them."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.events import GradientTaken
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor
from regrad.codemods.engine import imports, recording
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import Rewrite
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import stored


class Column(NamedTuple):
    """`x = points[:, 0:1]`, or `x = points[:, 0]` without an axis of its own."""

    name: str
    start: int
    end: int | None
    flat: bool


def joined_columns(program: Program, event: GradientTaken) -> tuple[Edit, ...] | None:
    """The model reads the columns, joined to what they were cut out of; None where they are none.

    Raises `CannotMove` where the columns leave something out.
    """
    node, path = event.sources_node, event.frame.path
    recorder = recording.recorder_of(program, event.tape)
    if not isinstance(node, ast.Name) or recorder is None or recorder.frame is not event.frame:
        return None
    scope: ast.AST = event.frame.function.node if event.frame.function is not None else program.trees[path]
    cut = _cut(scope)
    whole = next((name for name, columns in cut.items() if any(each.name == node.id for each in columns)), None)
    if whole is None:
        return None
    columns = sorted(cut[whole], key=lambda column: column.start)
    ends = [column.end for column in columns]
    beside = [column.start for column in columns[1:]]
    apart = columns[0].start != 0 or ends[:-1] != beside or len({column.flat for column in columns}) != 1
    width = _width(event, whole)
    if apart or (None not in (width, ends[-1]) and ends[-1] != width):
        raise CannotMove(f"the columns of `{whole}` leave some of it out")
    body = recorder.owner.body
    if any({whole, *(column.name for column in columns)} & stored(statement) for statement in body):
        raise CannotMove(f"`{whole}` or its columns are bound anew inside the tape")
    uses = [
        use
        for statement in body
        for use in ast.walk(statement)
        if isinstance(use, ast.Name) and use.id == whole and isinstance(use.ctx, ast.Load)
    ]
    if not uses:
        return None
    if len(uses) > 2:
        raise CannotMove(f"`{whole}` is used in several places inside the tape")
    source, tree = program.files[path], program.trees[path]
    join = imports.spelling(source, tree, "tensorflow.stack" if columns[0].flat else "tensorflow.concat", uses[0])
    text = f"{join.text}([{', '.join(column.name for column in columns)}], axis=1)"
    rewrite = Rewrite(source, tree)
    for use in uses:
        rewrite.replace(use, text)
    return (*join.edits, *rewrite.edits())


def _width(event: GradientTaken, whole: str) -> int | None:
    """How many columns the array has, where that is known."""
    holder = event.frame.scope.find(whole)
    value = holder.names[whole] if holder is not None else None
    shape = value.shape if isinstance(value, Tensor) else None
    return shape[1] if shape is not None and len(shape) > 1 else None


def _cut(scope: ast.AST) -> dict[str, list[Column]]:
    """The columns of each array that get a name once."""
    found: dict[str, list[Column]] = {}
    bound: dict[str, int] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound[node.id] = bound.get(node.id, 0) + 1
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target, value = node.targets[0], node.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            pairs = list(zip(target.elts, value.elts, strict=True))
        for name, expression in pairs:
            if isinstance(name, ast.Name) and isinstance(expression, ast.Subscript):
                column = _column(name.id, expression)
                if column is not None and isinstance(expression.value, ast.Name):
                    found.setdefault(expression.value.id, []).append(column)
    return {whole: columns for whole, columns in found.items() if all(bound[column.name] == 1 for column in columns)}


def _column(name: str, node: ast.Subscript) -> Column | None:
    index = node.slice
    if not isinstance(index, ast.Tuple) or len(index.elts) != 2 or ast.unparse(index.elts[0]) != ":":
        return None
    second = index.elts[1]
    if isinstance(second, ast.Slice) and second.step is None:
        start, end = _number(second.lower, 0), _number(second.upper, None)
        stated = second.upper is None or end is not None
        return Column(name, start, end, False) if start is not None and stated else None
    place = _number(second, None)
    return None if place is None else Column(name, place, place + 1, True)


def _number(node: ast.expr | None, default: int | None) -> int | None:
    if node is None:
        return default
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int and node.value >= 0 else None
