"""Stand-ins for choices, by an index or a condition: the shares of all that could be chosen."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis.values import Operation, Tensor
from regrad.codemods.engine.broken_paths import argument, operand
from regrad.codemods.engine.without_slope import WITHOUT, NoSurrogate, is_probable, made_by, number, selector, shape_of

if TYPE_CHECKING:
    from regrad.codemods.engine.surrogates import Softener


def scores_of(softener: Softener, operation: Operation) -> tuple[str, bool]:
    """What an argmax looks at, and whether that may be logits."""
    call = operation.node
    frame = operation.frame
    if not isinstance(call, ast.Call) or frame is None or frame.path != softener.path:
        raise NoSurrogate("the index has no slope", "tf.reduce_sum(probabilities * classes, axis=-1)")
    axis = argument(call, 1, "axis", "dimension")
    if axis is not None and not (
        number(axis) == -1 or (number(axis) == 1 and len(shape_of(operation.inputs)) in (0, 2))
    ):
        raise NoSurrogate(
            "only indices of the last axis have a known stand-in", "tf.reduce_sum(probabilities * classes, axis=-1)"
        )
    inner = argument(call, 0, "input", "x")
    if inner is None:
        raise NoSurrogate("the index has no slope")
    first = operation.inputs[0] if operation.inputs else None
    logits = not is_probable(first) and not (isinstance(first, Tensor) and first.facts & {"one-hot", "binary"})
    return softener.soft(inner), logits and first is not None and softener.depends(first)


def probabilities(softener: Softener, scores: str, logits: bool) -> str:
    return f"{softener.say('nn.softmax')}({scores})" if logits else operand(scores)


def index(softener: Softener, node: ast.expr, operation: Operation) -> str:
    if operation.name == "argmin":
        raise NoSurrogate("the index of the smallest has no slope", "tf.nn.softmax(-distances)")
    scores, logits = scores_of(softener, operation)
    shares = probabilities(softener, scores, logits)
    classes = f"{softener.say('range')}({softener.say('shape')}({scores})[-1])"
    numbers = f"{softener.say('cast')}({classes}, {softener.say('float32')})"
    return f"{softener.say('reduce_sum')}({shares} * {numbers}, axis=-1)"


def one_hot(softener: Softener, node: ast.expr, operation: Operation) -> str:
    index = operation.inputs[0] if operation.inputs else None
    while isinstance(index, Tensor) and index.operation.name == "cast" and index.operation.inputs:
        index = index.operation.inputs[0]
    if not isinstance(index, Tensor) or index.operation.name != "argmax":
        raise NoSurrogate("rows of one 1 have no slope; the probabilities themselves have", "tf.nn.softmax(logits)")
    scores, logits = scores_of(softener, index.operation)
    return f"{softener.say('nn.softmax')}({scores})" if logits else scores


def counted_pairs(softener: Softener, node: ast.expr, operation: Operation) -> str:
    """A confusion matrix: the probabilities of each predicted class, added up for each true one."""
    advice = WITHOUT["confusion_matrix"]
    index = operation.inputs[1] if len(operation.inputs) > 1 else None
    while isinstance(index, Tensor) and index.operation.name == "cast" and index.operation.inputs:
        index = index.operation.inputs[0]
    if not isinstance(node, ast.Call) or not isinstance(index, Tensor) or index.operation.name != "argmax":
        raise NoSurrogate(*advice)
    labels, classes = argument(node, 0, "labels"), argument(node, 2, "num_classes")
    if labels is None or classes is None or argument(node, 3, "weights") is not None:
        raise NoSurrogate(*advice)
    shares, logits = scores_of(softener, index.operation)
    if logits:
        shares = f"{softener.say('nn.softmax')}({shares})"
    true = f"{softener.say('one_hot')}({softener.soft(labels)}, {softener.soft(classes)})"
    return f"{softener.say('matmul')}({true}, {shares}, transpose_a=True)"


def chosen(softener: Softener, node: ast.expr) -> str:
    condition, one, other = (
        softener.argument(node, 0, "condition"),
        softener.argument(node, 1, "x"),
        softener.argument(node, 2, "y"),
    )
    share = operand(softener.soft(condition))
    yes, no = softener.soft(one), softener.soft(other)
    if number(one) == 1 and number(other) == 0:
        return softener.soft(condition)
    if number(one) == 0 and number(other) == 1:
        return f"1.0 - {share}"
    if number(other) == 0:
        return f"{share} * {operand(yes)}"
    if number(one) == 0:
        return f"(1.0 - {share}) * {operand(no)}"
    return f"{share} * {operand(yes)} + (1.0 - {share}) * {operand(no)}"


def mixes(operation: Operation) -> bool:
    index = operation.inputs[1] if len(operation.inputs) > 1 else None
    return operation.name in ("gather", "embedding_lookup") and made_by(index) == "argmax"


def mixed(softener: Softener, node: ast.expr, operation: Operation) -> str:
    index = operation.inputs[1] if len(operation.inputs) > 1 else None
    if (
        not mixes(operation)
        or not isinstance(index, Tensor)
        or (isinstance(node, ast.Call) and len(node.args) + len(node.keywords) != 2)
    ):
        raise NoSurrogate(*WITHOUT[selector(operation)])
    scores, logits = scores_of(softener, index.operation)
    rows = softener.soft(softener.argument(node, 0, "params"))
    return f"{softener.say('matmul')}({probabilities(softener, scores, logits)}, {rows})"
