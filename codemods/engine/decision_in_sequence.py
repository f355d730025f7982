"""A layer that decides for a class, in front of an `Embedding` in a `Sequential`: taken out, or made a softmax."""

from __future__ import annotations

import ast

from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import Rewrite
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import block_of, index_in


def without_decision(
    program: Program, rewrite: Rewrite, decides: ast.AST, embedding: ast.AST, path: str, softmax: str
) -> tuple[Edit, ...]:
    """Takes the layer that decides out, or puts `softmax` in its place, where one is asked for.

    The change goes into `rewrite`; what that cannot do is given back as an edit. Raises `CannotMove` where the
    embedding does not come next.
    """
    parents = program.parents(path)
    held, other = parents.get(decides), parents.get(embedding)
    if not isinstance(decides, ast.Call) or held is None or other is None:
        raise CannotMove("where the layer that decides stands was not found")
    if isinstance(held, (ast.List, ast.Tuple)) and held is other:
        place = index_in_list(held, decides)
        if place is None or held.elts[place + 1 : place + 2] != [embedding]:
            raise CannotMove("the embedding does not come next")
        if softmax:
            rewrite.replace(decides, softmax)
            return ()
        source = program.files[path]
        span = Span(source.span(decides).start, source.span(embedding).start)
        if "#" in source.segment(span):
            raise CannotMove("a comment stands between the layers")
        return (Edit(path, span, ""),)
    one, two = program.statement(decides, path), program.statement(embedding, path)
    added = [_adds(each, layer) for each, layer in ((one, decides), (two, embedding))]
    if one is None or two is None or None in added or added[0] != added[1]:
        raise CannotMove("the embedding does not come next")
    block = block_of(program, one, path)
    first, second = index_in(block, one), index_in(block, two)
    if first is None or second != first + 1:
        raise CannotMove("the embedding does not come next")
    if softmax:
        rewrite.replace(decides, softmax)
    else:
        rewrite.remove([one], keep_comments=True)
    return ()


def index_in_list(held: ast.List | ast.Tuple, element: ast.AST) -> int | None:
    """Where an element stands in a list that is written out."""
    return next((place for place, each in enumerate(held.elts) if each is element), None)


def _adds(statement: ast.stmt | None, layer: ast.AST) -> str | None:
    """The name of the model of `model.add(layer)`."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "add":
        return None
    model = call.func.value
    alone = len(call.args) == 1 and call.args[0] is layer and not call.keywords
    return model.id if alone and isinstance(model, ast.Name) else None
