"""A layer of a `Sequential` model moves to where the data come in, before the first layer that has weights."""

from __future__ import annotations

import ast
from itertools import pairwise

from regrad.analysis import freshness
from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.analysis.values import Layer, Network, Value
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit, Mending, Safety
from regrad.codemods.engine.surroundings import block_of

_STATES_THE_INPUT = ("input_shape", "batch_input_shape", "input_dim", "batch_shape")


def before_the_weights(program: Program, model: Network, layer: Layer) -> Mending:
    """The layer works on the data themselves. Raises `CannotMove` where the layers are not listed in one place."""
    from regrad.codemods.engine.moving import Rewrite, before

    layers: tuple[Value, ...] = model.fields.get("layers") or ()
    first = next((each for each in layers if not isinstance(each, Layer) or freshness.has_weights(each)), None)
    if not isinstance(first, Layer) or first is layer or model.form != "sequential" or layer.frame is None:
        raise CannotMove("the first layer with weights is not certain")
    if any(name in first.arguments for name in _STATES_THE_INPUT):
        raise CannotMove("the first layer with weights says how large the input is")
    path, node, other = layer.frame.path, layer.node, first.node
    if first.frame is not layer.frame or not isinstance(node, ast.Call) or not isinstance(other, ast.Call):
        raise CannotMove("the layers are not made in one place")
    parents = program.parents(path)
    listed = parents.get(node)
    name = program.source(node.func, path).rpartition(".")[2]
    title, reason = f"let `{name}` work on the input", "the layer works on the data, before anything is learned of them"
    if isinstance(listed, ast.List) and parents.get(other) is listed:
        return Mending(title, Safety.UNSAFE, _shifted(program, path, listed, other, node), reason)
    here, there = program.statement(node, path), program.statement(other, path)
    for call, statement in ((parents.get(node), here), (parents.get(other), there)):
        if not isinstance(call, ast.Call) or called(call) != "add" or getattr(statement, "value", None) is not call:
            raise CannotMove("the layers are not added one by one")
    assert here is not None and there is not None
    if block_of(program, here, path) is not block_of(program, there, path):
        raise CannotMove("the layers are added in different places")
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.move([here], before(there))
    return Mending(title, Safety.UNSAFE, rewrite.edits(), reason)


def _shifted(program: Program, path: str, listed: ast.List, first: ast.Call, moved: ast.Call) -> tuple[Edit, ...]:
    """The elements from the first to the one that moves, each in the place of the next."""
    source = program.files[path]
    start, end = listed.elts.index(first), listed.elts.index(moved)
    part = listed.elts[start : end + 1]
    for one, other in pairwise(part):
        between = source.segment(source.span(listed))
        lines = between.splitlines()[one.lineno - listed.lineno : other.lineno - listed.lineno + 1]
        if any("#" in line for line in lines):
            raise CannotMove("there are comments between the layers")
    texts = [program.source(each, path) for each in part]
    return tuple(
        Edit(path, source.span(place), text)
        for place, text in zip(part, (texts[-1], *texts[:-1]), strict=True)
        if program.source(place, path) != text
    )
