"""Stand-ins for comparisons and for what counts hits: sigmoids, distances, the probability of being right."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis.values import Constant, Operation, Tensor
from regrad.codemods.engine import imports
from regrad.codemods.engine.broken_paths import operand
from regrad.codemods.engine.soft_choices import probabilities, scores_of
from regrad.codemods.engine.without_slope import COMPARING, GREATER, ROUNDING, NoSurrogate, is_probable, made_by

if TYPE_CHECKING:
    from regrad.codemods.engine.surrogates import Softener


_STEEP = "10.0 * "


def compared(softener: Softener, node: ast.expr, operation: Operation) -> str:
    one, other = softener.operands(node)
    if operation.name in ("equal", "not_equal"):
        same = equality(softener, one, other, operation)
        if operation.name == "equal":
            return same
        apart = same.removeprefix("1.0 - ")
        return apart if apart != same else f"1.0 - {operand(same)}"
    high, low = (one, other) if operation.name in GREATER else (other, one)
    position = 0 if high is one else 1
    left, right = operation.inputs[position], operation.inputs[1 - position]
    if is_probable(left) and isinstance(right, Constant) and right.value == 0.5 and softener.direct:
        softener.used_direct = True
        return softener.soft(high)
    if is_probable(right) and isinstance(left, Constant) and left.value == 0.5 and softener.direct:
        softener.used_direct = True
        return f"1.0 - {operand(softener.soft(low))}"
    softener.used_sigmoid = True
    steep = _STEEP if is_probable(left) or is_probable(right) else ""
    if isinstance(right, Constant) and right.value == 0:
        difference = softener.as_float(high, left)
    elif isinstance(left, Constant) and left.value == 0:
        difference = f"-{operand(softener.as_float(low, right))}"
    else:
        difference = f"{operand(softener.as_float(high, left))} - {operand(softener.as_float(low, right))}"
    inner = f"{steep}{operand(difference)}" if steep else difference
    return f"{softener.say('sigmoid')}({inner})"


def equality(softener: Softener, one: ast.expr, other: ast.expr, operation: Operation) -> str:
    sides = [made_by(value) for value in operation.inputs[:2]]
    indices = [position for position, made in enumerate(sides) if made in ("argmax", "argmin")]
    mine = next((position for position in indices if id(operation.inputs[position]) in softener.chain), None)
    if mine is not None and sides[mine] == "argmax":
        chosen = operation.inputs[mine]
        assert isinstance(chosen, Tensor)
        scores, logits = scores_of(softener, chosen.operation)
        rest = operation.inputs[1 - mine]
        if sides[1 - mine] == "argmax" and isinstance(rest, Tensor):
            labels, _ = scores_of(softener, rest.operation)
            return (
                f"{softener.say('reduce_sum')}({operand(labels)} * {probabilities(softener, scores, logits)}, axis=-1)"
            )
        labels = softener.soft((one, other)[1 - mine])
        loss = imports.spelled(
            softener.tree,
            [
                "tensorflow.keras.losses.sparse_categorical_crossentropy",
                "keras.losses.sparse_categorical_crossentropy",
            ],
            one,
        )
        if loss is None:
            raise NoSurrogate(
                "the probability of the right class has a slope",
                "tf.exp(-sparse_categorical_crossentropy(y_true, y_pred))",
            )
        flag = ", from_logits=True" if logits else ""
        return f"{softener.say('exp')}(-{loss}({labels}, {scores}{flag}))"
    left, right = (
        operand(softener.as_float(one, operation.inputs[0])),
        operand(softener.as_float(other, operation.inputs[1])),
    )
    if all(made == "sign" for made in sides):
        return f"0.5 * (1.0 + {left} * {right})"
    if any(made in ROUNDING or made in COMPARING for made in sides):
        return f"1.0 - {softener.say('abs')}({left} - {right})"
    return f"{softener.say('exp')}(-{softener.say('square')}({left} - {right}))"


def accuracy(softener: Softener, node: ast.expr, name: str) -> str:
    """An accuracy of the library, as the probability of being right."""
    if not isinstance(node, ast.Call) or len(node.args) + len(node.keywords) != 2:
        raise NoSurrogate("a metric counts, which has no slope", "tf.keras.losses.binary_crossentropy(y_true, y_pred)")
    truth, guess = (
        softener.soft(softener.argument(node, place, key)) for place, key in enumerate(("y_true", "y_pred"))
    )
    if name == "binary_accuracy":
        distance = f"{softener.say('abs')}({operand(truth)} - {operand(guess)})"
        return f"{softener.say('reduce_mean')}(1.0 - {distance}, axis=-1)"
    if name == "categorical_accuracy":
        return f"{softener.say('reduce_sum')}({operand(truth)} * {operand(guess)}, axis=-1)"
    raise NoSurrogate(
        "a metric counts, which has no slope; take the loss that belongs to it",
        "tf.keras.losses.categorical_crossentropy(y_true, y_pred)",
    )
