"""Losses that layers add themselves: `add_loss`, and the regularizers that they are made with."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis import weights
from regrad.analysis.library.keras_layers import LAYERS
from regrad.analysis.values import (
    UNKNOWN,
    Collection,
    Constant,
    Instance,
    Layer,
    Metric,
    Network,
    Optimizer,
    Tensor,
    Union_,
    Unknown,
    Value,
    Variable,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Interpreter

_ADDING_NOTHING = ("keras.", "tf.Module", "builtins.object")
"""The classes that add no loss of their own."""
MOST = 8
"""So many losses of one layer are kept."""


def note(interpreter: Interpreter, owner: Layer | Network | Instance, value: Value) -> None:
    """Keep what a layer or model adds to the loss; of a function that computes it nothing is known."""
    added = value if isinstance(value, (Tensor, Constant, Collection, Unknown, Union_)) else UNKNOWN
    interpreter.added_losses.append(added)
    losses = (*(owner.fields.get("#losses") or ()), added)
    interpreter.store.put(owner.fields, "#losses", losses[-MOST:])


def handed_on(interpreter: Interpreter, owner: Instance, since: int, node: ast.AST, result: Value) -> Value:
    """What the call of a layer gives: a tensor of its own also where the layer adds a loss and hands its input on as it
    is, so that a model made of it has the layer.
    """
    if not isinstance(result, Tensor) or not result.symbolic or result.operation.serial > since:
        return result
    if not owner.fields.get("#losses"):
        return result
    return interpreter.operation(
        "op",
        "identity",
        node,
        (result,),
        dtype=result.dtype,
        shape=result.shape,
        facts=result.facts,
        callee=owner,
    )


def adds_losses(value: Value) -> bool:
    """Whether a layer anywhere inside adds a loss of its own."""
    return _adds_losses(value, set())


def _adds_losses(value: Value, seen: set[int]) -> bool:
    if id(value) in seen or not isinstance(value, (Layer, Network, Instance)):
        return False
    seen.add(id(value))
    if value.fields.get("#losses"):
        return True
    if isinstance(value, Layer) and _is_regularized(value):
        return True
    return any(_adds_losses(inner, seen) for inner in weights.sublayers(value))


def constructed(model: Value) -> tuple[Value, ...]:
    """The losses that were added when the model was described, which each of its calls adds again; something unknown
    among them where there may be others.
    """
    found: list[Value] = []
    stack: list[Value] = [model]
    seen: set[int] = set()
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if not _is_known(current):
            found.append(UNKNOWN)
        if isinstance(current, (Layer, Network, Instance)):
            losses: tuple[Value, ...] = current.fields.get("#losses") or ()
            # What a call with numbers added belongs to that call.
            found.extend(each for each in losses if not isinstance(each, Tensor) or each.symbolic)
            found.extend((UNKNOWN,) if len(losses) >= MOST else ())
            stack.extend(weights.sublayers(current))
    return tuple(found)


def _is_known(value: Value) -> bool:
    """Whether all the losses that a part of a model adds were seen."""
    if isinstance(value, Layer):
        # The penalty of a weight reaches that weight alone, which does not make it one that learns.
        return value.kind in LAYERS and "activity_regularizer" not in value.arguments
    if isinstance(value, Network):
        return value.form != "opaque" and value.fields.get("layers") is not None
    if isinstance(value, Instance):
        bases = value.cls.external_bases()
        return value.cls.bases_known() and all(name.startswith(_ADDING_NOTHING) for name in bases)
    if isinstance(value, Unknown):
        return not weights.may_have_weights(value)
    return isinstance(value, (Variable, Tensor, Metric, Optimizer))


def _is_regularized(layer: Layer) -> bool:
    """Whether it is made with a regularizer, that of one of its names."""
    return any("regularizer" in name for name in layer.arguments)
