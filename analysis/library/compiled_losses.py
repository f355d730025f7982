"""What the `loss=` of `compile` makes of the targets and the outputs: one loss, a list, or one for each name."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis.library import losses, operation_calls
from regrad.analysis.operations import Transfer
from regrad.analysis.values import (
    BoundMethod,
    Class,
    Collection,
    Constant,
    External,
    Function,
    Gradients,
    Instance,
    Layer,
    Loss,
    Mapping,
    Network,
    Partial,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter

_CALLABLE = (Function, BoundMethod, Partial)


def apply_loss(interpreter: Interpreter, loss: Value, targets: Value, output: Value, node: ast.AST) -> Value | None:
    """The value of a `loss=` argument for these targets and outputs; None where it is not known."""
    from regrad.analysis.interpreter import Call as Arguments

    if isinstance(loss, Mapping):
        terms: list[Value] = []
        for key, part in loss.entries.items():
            if isinstance(part, Constant) and part.value is None:
                continue
            value = output.entries.get(key) if isinstance(output, Mapping) else _named_output(output, key)
            if value is None:
                # Which output is meant is not known, so any of them may be.
                value = interpreter.operation("join", "join", node, operation_calls.flatten((output,)), Transfer.JOIN)
            term = apply_loss(interpreter, part, as_any(interpreter, targets, node), value, node)
            if term is None:
                return None
            terms.append(term)
        return interpreter.operation("operator", "add", node, tuple(terms)) if terms else None
    if isinstance(loss, Collection):
        if len(_outputs(output)) != len(loss.items):
            return None
        return _sum_of_losses(interpreter, loss.items, targets, output, node)
    if isinstance(output, (Collection, Mapping)) and not isinstance(loss, (Tensor, Unknown)):
        return _sum_of_losses(interpreter, (loss,) * len(_outputs(output)), targets, output, node)
    if isinstance(loss, (Tensor, Gradients)):
        return loss
    if losses.is_metric(loss):
        return interpreter.operation(
            "metric", _spelling(loss), node, (targets, output), Transfer.NONE, dtype="float32", callee=loss
        )
    standard = losses.name_of(loss)
    if standard is not None:
        return losses.call_loss(
            interpreter,
            standard,
            loss if isinstance(loss, Loss) else External("keras.losses." + standard),
            Arguments(node, (targets, output)),
        )
    if isinstance(loss, (*_CALLABLE, Instance, Class)):
        return interpreter.call(loss, Arguments(node, (targets, output)))
    return None


def _outputs(output: Value) -> tuple[Value, ...]:
    if isinstance(output, Collection):
        return output.items
    return tuple(output.entries.values()) if isinstance(output, Mapping) else (output,)


def _sum_of_losses(
    interpreter: Interpreter, parts: tuple[Value, ...], targets: Value, output: Value, node: ast.AST
) -> Value | None:
    """The sum of one loss for each output, None among them for an output without; None where one is not known."""
    outputs = _outputs(output)
    given = (
        targets.items
        if isinstance(targets, Collection) and len(targets.items) == len(outputs)
        else tuple(as_any(interpreter, targets, node) for _ in outputs)
    )
    terms = [
        apply_loss(interpreter, part, target, value, node)
        for part, target, value in zip(parts, given, outputs, strict=False)
        if not (isinstance(part, Constant) and part.value is None)
    ]
    known = tuple(term for term in terms if term is not None)
    return interpreter.operation("operator", "add", node, known) if terms and len(known) == len(terms) else None


def _named_output(output: Value, key: object) -> Value | None:
    """The one output among several whose last layer has that name: Keras names the outputs after their layers."""
    items = output.items if isinstance(output, Collection) and output.complete else ()
    named = [item for item in items if _last_name(item) == key]
    return named[0] if len(named) == 1 else None


def _last_name(value: Value) -> object:
    while isinstance(value, Tensor) and value.operation.kind == "model" and value.operation.inputs:
        if not isinstance(value.operation.callee, Network) or value.operation.callee.form == "opaque":
            return None
        value = value.operation.inputs[0]
    callee = value.operation.callee if isinstance(value, Tensor) and value.operation.kind == "layer" else None
    stated = callee.arguments.get("name") if isinstance(callee, Layer) else None
    return stated.value if isinstance(stated, Constant) else None


def _spelling(value: Value) -> str:
    if isinstance(value, Constant):
        return str(value.value)
    return str(getattr(value, "name", "metric"))


def as_any(interpreter: Interpreter, value: Value, node: ast.AST) -> Value:
    """Some part of structured targets."""
    if isinstance(value, (Collection, Mapping)):
        return interpreter.operation("data", "data", node, ())
    return value
