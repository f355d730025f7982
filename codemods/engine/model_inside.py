"""A model inside another, whose features are asked for: what the outer one does with its answer, layer by layer."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Layer, Network, Tensor, Value
from regrad.codemods.engine.moving import CannotMove
from regrad.codemods.engine.operations_of import described


class Inside(NamedTuple):
    """How the answer of the inner model is spelled where its features are asked for, and the layers behind it."""

    output: str
    following: str


def model_inside(
    program: Program, whole: Network, inner: Value | None, spelled: ast.expr, second: ast.Call, frame: Frame
) -> Inside:
    """Raises `CannotMove` unless the outer model calls the inner on its input, and each layer on what came last."""
    outer = second.func
    if not isinstance(inner, Network) or inner is whole or not isinstance(outer, (ast.Name, ast.Attribute)):
        raise CannotMove("the two models do not share their input")
    called = _in_turn(whole)
    if len(called) < 2 or called[0] is not inner or len({id(each) for each in called}) != len(called):
        raise CannotMove("the two models do not share their input")
    if any(not says_no_training(word) for word in second.keywords) or len(second.args) != 1:
        raise CannotMove("the model is called with more than its input")
    text, around = program.source(spelled, frame.path), program.source(outer, frame.path)
    # Keras 3 denies a Sequential its `output` until it was called.
    output = f"{text}.outputs[0]" if inner.form == "sequential" else f"{text}.output"
    return Inside(output, f"{around}.layers[{around}.layers.index({text}) + 1:]")


def says_no_training(word: ast.keyword) -> bool:
    """Whether it is `training=False`, which each layer takes for granted outside of `fit`."""
    return word.arg == "training" and isinstance(word.value, ast.Constant) and word.value.value is False


def _in_turn(whole: Network) -> list[Value]:
    """What a model calls one after the other, each on what the last one gave; nothing where it is not like that."""
    if whole.form == "sequential":
        known = whole.fields.get("layers")
        if not isinstance(known, tuple) or not whole.fields.get("layers_complete"):
            return []
        layers = [each for each in known if not isinstance(each, Tensor)]
        return [each for each in layers if not (isinstance(each, Layer) and each.kind == "InputLayer")]
    inputs, outputs = described(whole, "inputs"), described(whole, "outputs")
    if len(inputs) != 1 or len(outputs) != 1:
        return []
    called: list[Value] = []
    value = outputs[0]
    while value is not inputs[0]:
        if not isinstance(value, Tensor) or value.operation.kind not in ("layer", "model"):
            return []
        callee, node = value.operation.callee, value.operation.node
        if not isinstance(callee, (Layer, Network)) or not isinstance(node, ast.Call) or len(node.args) != 1:
            return []
        if not all(map(says_no_training, node.keywords)) or not value.operation.inputs:
            return []
        called.append(callee)
        value = value.operation.inputs[-1]
    return called[::-1]
