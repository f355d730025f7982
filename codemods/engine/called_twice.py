"""What is never used, a layer or a weight, next to one like it that is used twice on the same value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from regrad.analysis.frames import Frame
from regrad.analysis.operators import shape_of
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Instance, Layer, Tensor, Value, Variable
from regrad.codemods.engine.operations_of import tensors
from regrad.codemods.engine.rule import Mending, Safety


class CalledTwice(NamedTuple):
    """`use` names the layer that is called twice, in the place where `name` was meant."""

    use: ast.Attribute
    name: str
    path: str


def called_twice(program: Program, part: Value) -> CalledTwice | None:
    """The use of another layer that must have been meant for `part`, a layer that its owner holds and never calls."""
    owner = part.frame.this if isinstance(part, Layer) and part.frame is not None else None
    if not isinstance(part, Layer) or not isinstance(owner, Instance) or part.fields.get("#calls"):
        return None
    own = [name for name, value in owner.fields.items() if value is part]
    if len(own) != 1:
        return None
    for name, other in owner.fields.items():
        if not isinstance(other, Layer) or other.kind != part.kind or other is part:
            continue
        for frame in _calls_on_the_same(other):
            uses = _uses(frame, name) if frame.this is owner else []
            if len(uses) == 2:
                return CalledTwice(uses[_made_later(owner, part, other)], own[0], frame.path)
    return None


def weight_used_twice(program: Program, part: Variable) -> ast.Attribute | None:
    """The use of another weight of the same shape that must have been meant for `part`, which its owner never uses."""
    owner, shape = holder_of(part), shape_of(part)
    if owner is None or shape is None:
        return None
    for name, other in owner.fields.items():
        if not isinstance(other, Variable) or other is part or shape_of(other) != shape:
            continue
        made = [tensor for tensor in tensors(program) if any(value is other for value in tensor.operation.inputs)]
        for one, again in combinations([tensor.operation for tensor in made], 2):
            alike = one.name == again.name and len(one.inputs) == len(again.inputs) and one.node is not again.node
            if not alike or any(a is not b for a, b in zip(one.inputs, again.inputs, strict=True)):
                continue
            frame = one.frame
            uses = _uses(frame, name) if frame is not None and frame is again.frame and frame.this is owner else []
            if len(uses) == 2:
                return uses[_made_later(owner, part, other)]
    return None


def holder_of(part: Variable) -> Instance | None:
    """The object that a weight is kept in: the one whose method makes it, or the one that was asked to make it."""
    this = part.frame.this if part.frame is not None else None
    return next((each for each in (this, part.owner) if isinstance(each, Instance)), None)


def _made_later(owner: Instance, part: Value, other: Value) -> bool:
    order = [id(value) for value in owner.fields.values()]
    return id(part) in order and order.index(id(part)) > order.index(id(other))


def _calls_on_the_same(layer: Layer) -> Iterator[Frame]:
    """The frames in which a layer was called on one and the same tensor, for the second time to no avail."""
    calls = [(given, _made(result)) for given, result in layer.fields.get("#calls") or ()]
    for (one, first), (other, second) in combinations(calls, 2):
        if first is None or second is None or one is not other or not isinstance(one, Tensor):
            continue
        frame = first.operation.frame
        if frame is not None and frame is second.operation.frame and frame.function is not None:
            yield frame


def _made(result: Value) -> Tensor | None:
    first = result.items[0] if isinstance(result, Collection) and result.items else result
    return first if isinstance(first, Tensor) else None


def _uses(frame: Frame, name: str) -> list[ast.Attribute]:
    """The places of a method that read `self.name`, in order."""
    if frame.function is None:
        return []
    found = [
        node
        for node in ast.walk(frame.function.node)
        if isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Load)
    ]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def called_instead(program: Program, evidence: CalledTwice) -> Mending:
    """The second call is made with the layer that was meant."""
    from regrad.codemods.engine.moving import Rewrite

    rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
    rewrite.replace(evidence.use, f"{program.source(evidence.use.value, evidence.path)}.{evidence.name}")
    return Mending(
        f"call `{evidence.name}` there", Safety.UNSAFE, rewrite.edits(), "the model computes another function"
    )
