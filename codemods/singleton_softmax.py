"""RG105 singleton-softmax: a softmax over one number is 1, whatever the number.

What it does
------------
Reports a softmax over an axis of size one: `Dense(1, activation="softmax")`, a softmax layer or function after one
unit. The loss that comes with it (categorical cross-entropy over one unit) is mended in the same step.

Why gradients stop
------------------
A softmax divides each exponential by the sum of all of them. With one of them that is 1 for every input, so its
slope is 0: the output does not depend on any weight. Keras only warns. With a cross-entropy, Keras takes the logits
that it remembers instead, so that weights move and the loss may even fall, but the model still answers 1.0 for
ever.

Example
-------
Broken::

    model.add(Dense(1, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adam")

Mended::

    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam")

The fix and its safety
----------------------
The last layer gets a sigmoid, and a categorical loss over it becomes binary cross-entropy. Safe: an output that was
the constant 1 has no meaning that could be lost. Where the targets name more than two classes, the layer gets one
unit for each, which is unsafe; under a loss of quantities (`mse`) with such targets the softmax goes. Inside a model
(one score for each step of a sequence, say) the axis was wrong: where what is weighed is summed over one axis, the
softmax runs over that one, which is unsafe; otherwise that is left to the author.

When it stays silent
--------------------
When the size of the axis is not certain, when the softmax runs over another axis (`Softmax(axis=1)` over time), and
when the activation is a function of the program.

References
----------
- https://github.com/keras-team/keras/issues/126
- regrad, facts: measured behaviour, 1.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.cut import CutKind
from regrad.analysis.events import Trained
from regrad.analysis.frames import Frame
from regrad.analysis.library.heads import activation_of
from regrad.analysis.library.keras_layers import units
from regrad.analysis.operators import shape_of
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Layer, Network, Tensor, Value, Variable
from regrad.codemods.engine.judged import Judged, judged
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.operations_of import tensors
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Rule, Safety, Withheld
from regrad.codemods.engine.softmax_over_steps import over_the_steps

CODE, NAME = "RG105", "singleton-softmax"
_CATEGORICAL = {
    "categorical_crossentropy": "binary_crossentropy",
    "sparse_categorical_crossentropy": "binary_crossentropy",
    "categorical_focal_crossentropy": "binary_focal_crossentropy",
}
_CROSS_ENTROPIES = frozenset(
    {
        "softmax_cross_entropy_with_logits",
        "softmax_cross_entropy_with_logits_v2",
        "sparse_softmax_cross_entropy_with_logits",
    }
)
_PASSING = frozenset({"Dropout", "Identity", "BatchNormalization", "Activation", "GaussianNoise"})


class _Singleton(NamedTuple):
    """A softmax over one number: the layer or call that makes it, the layer with the one unit, and its losses."""

    tensor: Tensor
    layer: Layer | None
    dense: Layer | None
    node: ast.AST
    frame: Frame
    rank: int | None
    is_head: bool
    losses: tuple[Judged, ...]


def detect(program: Program) -> Iterable[Finding]:
    losses: tuple[Judged, ...] | None = None
    seen: set[int] = set()
    for tensor in tensors(program):
        operation = tensor.operation
        layer = _softmax_layer(tensor)
        if layer is not None:
            node, frame = layer.node, layer.frame
        elif _softmax_call(tensor):
            node, frame = operation.node, operation.frame
        else:
            continue
        if node is None or frame is None or id(node) in seen or node not in program.parents(frame.path):
            continue
        seen.add(id(node))
        losses = judged(program, untrained=True) if losses is None else losses
        dense = layer if layer is not None and layer.kind not in ("Activation", "Softmax") else _unit_layer(tensor)
        own = tuple(each for each in losses if each.head.activation == "softmax" and _same(each, layer, dense))
        heads = [head for event in program.of(Trained) for head in event.heads]
        is_head = bool(own) or any(head.layer is layer and layer is not None for head in heads)
        shape = tensor.shape
        evidence = _Singleton(tensor, layer, dense, node, frame, None if shape is None else len(shape), is_head, own)
        message = "a softmax over one unit is 1 for every input: the output depends on no weight"
        if operation.name in _CROSS_ENTROPIES:
            message = "the softmax in this loss runs over one unit: it is 1 for every input, and the loss 0"
        place = _activation_node(layer) or node
        yield Finding(CODE, NAME, message, program.location(place, frame), CutKind.ZERO_SLOPE, (), (), evidence)


def _same(found: Judged, layer: Layer | None, dense: Layer | None) -> bool:
    if layer is not None:
        return found.head.layer is layer
    return dense is not None and found.head.dense is dense


def _softmax_layer(tensor: Tensor) -> Layer | None:
    """The layer whose softmax runs over the one unit of its own, or of the layer before it."""
    operation = tensor.operation
    layer = operation.callee
    if operation.kind != "layer" or not isinstance(layer, Layer):
        return None
    if layer.kind == "TimeDistributed":
        inner = layer.arguments.get("layer")
        layer = inner if isinstance(inner, Layer) else layer
    if layer.kind in ("Activation", "Softmax"):
        if activation_of(layer) != "softmax" or not operation.inputs:
            return None
        if not _last(layer.arguments.get("axis"), tensor):
            return None
        return layer if _one_unit(operation.inputs[0]) else None
    if layer.kind == "Dense" or (layer.kind.startswith("Conv") and "data_format" not in layer.arguments):
        stated = layer.arguments.get("activation")
        if units(layer) == 1 and activation_of(layer) == "softmax" and not isinstance(stated, Layer):
            return layer
    return None


def _softmax_call(tensor: Tensor) -> bool:
    operation = tensor.operation
    if operation.kind == "op" and operation.name in _CROSS_ENTROPIES:
        given = operation.arguments or {}
        logits = given.get("logits", given.get("1"))
        return "axis" not in given and "dim" not in given and logits is not None and _one_unit(logits)
    if operation.kind != "op" or operation.name not in ("softmax", "log_softmax") or not operation.inputs:
        return False
    arguments = operation.arguments or {}
    return _last(arguments.get("axis", arguments.get("1")), tensor) and _one_unit(operation.inputs[0])


def _last(axis: Value | None, tensor: Tensor) -> bool:
    """Whether an `axis` argument names the last axis."""
    if axis is None:
        return True
    if not isinstance(axis, Constant) or not isinstance(axis.value, int):
        return False
    return axis.value == -1 or (tensor.shape is not None and axis.value == len(tensor.shape) - 1)


def _one_unit(value: Value) -> bool:
    """Whether the last axis is the one unit of a layer or of a product with weights, and no axis that may grow."""
    for _ in range(16):
        if not isinstance(value, Tensor):
            return False
        operation = value.operation
        if operation.kind == "layer" and isinstance(operation.callee, Layer):
            layer = operation.callee
            if layer.kind in _PASSING and operation.inputs:
                value = operation.inputs[0]
                continue
            return layer.kind == "Dense" and units(layer) == 1
        if operation.kind == "model" and isinstance(operation.callee, Network) and operation.inputs:
            value = operation.inputs[0]
            continue
        if operation.name in ("add", "bias_add", "identity", "cast") and operation.inputs:
            value = operation.inputs[0]
            continue
        if operation.name == "matmul" and len(operation.inputs) == 2 and value.shape is not None:
            weights = operation.inputs[1]
            return isinstance(weights, Variable) and (shape_of(weights) or (None,))[-1] == 1 and value.shape[-1] == 1
        return False
    return False


def _unit_layer(tensor: Tensor) -> Layer | None:
    value: Value = tensor
    for _ in range(16):
        if not isinstance(value, Tensor) or not value.operation.inputs:
            return None
        value = value.operation.inputs[0]
        if isinstance(value, Tensor) and isinstance(value.operation.callee, Layer):
            layer = value.operation.callee
            if layer.kind not in _PASSING:
                return layer
    return None


def _activation_node(layer: Layer | None) -> ast.AST | None:
    call = layer.node if layer is not None else None
    if isinstance(call, ast.Call):
        return next((word.value for word in call.keywords if word.arg == "activation"), None)
    return None


def mend(program: Program, finding: Finding) -> Mendings:
    found: _Singleton = finding.evidence
    if isinstance(found.node, ast.Call) and called(found.node) in _CROSS_ENTROPIES and found.layer is None:
        return _sigmoid_loss(program, found, found.node)
    inside = not found.is_head and (found.rank is None or found.rank > 2)
    try:
        return [over_the_steps(program, found.tensor, found.layer)] if inside else _mended(program, found)
    except CannotMove as problem:
        suggestion = "layers.Softmax(axis=1)(layers.Dense(1)(sequence))" if inside else 'Dense(1, activation="sigmoid")'
        return Withheld(problem.reason, suggestion)


def _sigmoid_loss(program: Program, found: _Singleton, call: ast.Call) -> Mendings:
    from regrad.codemods.engine.arguments import Callee, change_call

    suggestion = "tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)"
    source, name = program.files[found.frame.path], called(call)
    if name.startswith("sparse") or not isinstance(call.func, ast.Attribute):
        return Withheld("a sigmoid wants the labels as numbers, one for each logit", suggestion)
    text = source.segment(source.span(call.func))[: -len(name)] + "sigmoid_cross_entropy_with_logits"
    try:
        edits = (change_call(source, call, Callee(text)),)
    except CannotMove as problem:
        return Withheld(problem.reason, suggestion)
    return [Mending("use the cross-entropy of a sigmoid, made for one unit", Safety.SAFE, edits, keeps_loss=False)]


def _mended(program: Program, found: _Singleton) -> Mendings:
    from regrad.codemods.engine import respelling

    classes = next((each for each in found.losses if _many(each)), None)
    if classes is not None and not classes.name.endswith("crossentropy"):
        return _numbers(program, found)
    if classes is not None and found.dense is not None:
        count = classes.targets.classes
        edits = respelling.layer_edits(program, found.dense, None, count)
        name = (
            "categorical_crossentropy" if classes.targets.encoding == "one-hot" else "sparse_categorical_crossentropy"
        )
        for each in found.losses:
            if each.name in (*_CATEGORICAL, "binary_crossentropy") and each.name != name:
                edits = (*edits, *respelling.swapped_loss(program, each, name))
        title = f"answer with {count} probabilities, one for each class"
        return [Mending(title, Safety.UNSAFE, edits, keeps_loss=False)]
    edits = _activation_edits(program, found)
    losses = [each for each in found.losses if each.name in _CATEGORICAL]
    for each in losses:
        edits = (*edits, *respelling.swapped_loss(program, each, _CATEGORICAL[each.name]))
    title = f"use a sigmoid{' and binary cross-entropy' if losses else ''}, made for one unit"
    safety = Safety.SAFE if found.is_head else Safety.UNSAFE
    return [Mending(title, safety, edits, keeps_loss=False)]


def _numbers(program: Program, found: _Singleton) -> Mendings:
    """A loss of quantities, and targets that no share between 0 and 1 can reach."""
    from regrad.codemods.engine import respelling
    from regrad.codemods.engine.arguments import Remove, change_call

    layer = found.layer
    key = respelling.argument_node(layer, "activation")[1] if isinstance(layer, Layer) else None
    if not isinstance(key, str) or not isinstance(layer, Layer) or not isinstance(layer.node, ast.Call):
        raise CannotMove("the loss is one of quantities, and where the softmax is written is not certain")
    edit = change_call(program.files[respelling.path_of(layer)], layer.node, Remove(key))
    return [Mending("answer with the number itself, without an activation", Safety.UNSAFE, (edit,), keeps_loss=False)]


def _many(found: Judged) -> bool:
    """Whether the targets name more classes than one unit can tell apart."""
    targets = found.targets
    return (targets.classes or 0) > 2 or (targets.encoding == "one-hot" and (targets.classes or 0) > 1)


def _activation_edits(program: Program, found: _Singleton) -> tuple[Edit, ...]:
    from regrad.codemods.engine import respelling
    from regrad.codemods.engine.arguments import Callee, Remove, change_call

    if found.layer is not None:
        return respelling.layer_edits(program, found.layer, "sigmoid")
    call = found.node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "softmax":
        raise CannotMove("the softmax is spelled in a way that has no sigmoid of the same kind")
    source = program.files[found.frame.path]
    text = source.segment(source.span(call.func))[: -len("softmax")] + "sigmoid"
    gone = [Remove("axis")] if any(word.arg == "axis" for word in call.keywords) else [Remove(1)] * (len(call.args) > 1)
    return (change_call(source, call, Callee(text), *gone),)


RULE = Rule(CODE, NAME, "mixed", "An output that was the constant 1 has no meaning that could be lost.", detect, mend)
