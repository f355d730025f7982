"""Pairs of gradients and variables that a `zip` or a generator gives once, and that were read before."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.events import Applied
from regrad.analysis.iterators import Walk
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Instance, Zip
from regrad.codemods.engine.rule import Edit, Mending, Safety


class UsedUp(NamedTuple):
    """`apply_gradients` of an iterator, the walk that left nothing of it, and where the iterator was made."""

    applied: Applied
    walk: Walk
    made: ast.expr
    path: str

    @property
    def kind(self) -> str:
        """What a reader would call the iterator."""
        if isinstance(self.made, ast.Call):
            return f"`{getattr(self.made.func, 'id', getattr(self.made.func, 'attr', 'iterator'))}`"
        return "generator"


def used_up(program: Program) -> Iterator[UsedUp]:
    """Each optimizer call that gets nothing, since its pairs were read before."""
    for applied in program.of(Applied):
        walk = applied.spent
        if walk is None or applied.method != "apply_gradients" or isinstance(applied.optimizer, Instance):
            continue
        made = walk.iterator.node if isinstance(walk.iterator, (Zip, Collection)) else None
        if not isinstance(made, (ast.Call, ast.GeneratorExp)) or walk.node is applied.node:
            continue
        path = next((path for path in program.trees if made in program.parents(path)), None)
        if path is not None:
            yield UsedUp(applied, walk, made, path)


def kept(program: Program, evidence: UsedUp) -> Mending:
    """The pairs become a list."""
    made, path = evidence.made, evidence.path
    text = program.source(made, path)
    if isinstance(made, ast.GeneratorExp):
        # The parentheses of a call whose only argument it is belong to both.
        parent = program.parents(path).get(made)
        only = isinstance(parent, ast.Call) and made.end_col_offset == parent.end_col_offset
        text = f"([{text[1:-1]}])" if only else f"[{text[1:-1]}]"
    else:
        text = f"list({text})"
    edit = Edit(path, program.files[path].span(made), text)
    return Mending("keep the pairs in a list", Safety.SAFE, (edit,), "the optimizer got no pair before")
