"""Which losses fit a head and its targets, best first, and how a loss is put into a call of `compile`."""

from __future__ import annotations

import ast

from regrad.analysis.events import Compilation, Head
from regrad.analysis.program import Program
from regrad.codemods.engine.judged import Targets, units_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit

Fit = tuple[str, bool]
"""A loss of the library and whether it has to be told that it gets logits."""


def fitting(head: Head, targets: Targets) -> list[Fit]:
    """The losses that can teach the head, in the order of their likelihood; none where the head is not known."""
    units, activation = units_of(head), head.activation
    if activation == "sigmoid":
        return [("binary_crossentropy", False)]
    if activation == "softmax" and units != 1:
        return [(name, False) for name in _for_classes(targets)]
    if activation == "linear":
        if targets.encoding in ("integers", "one-hot") and (units or 0) > 1 and targets.classes in (units, None):
            return [(name, True) for name in _for_classes(targets)]
        if targets.encoding == "binary" and units == 1:
            return [("binary_crossentropy", True), ("mean_squared_error", False)]
        return [("mean_squared_error", False)]
    if activation is not None and activation != "softmax":
        return [("mean_squared_error", False)]
    return []


def _for_classes(targets: Targets) -> list[str]:
    if targets.encoding == "one-hot":
        return ["categorical_crossentropy"]
    if targets.encoding in ("integers", "binary"):
        return ["sparse_categorical_crossentropy"]
    return ["sparse_categorical_crossentropy", "categorical_crossentropy"]


def loss_text(program: Program, path: str, fit: Fit, at: ast.AST, like: ast.AST | None) -> tuple[str, tuple[Edit, ...]]:
    """How this file writes the loss, with the import that it needs."""
    from regrad.codemods.engine import respelling

    name, logits = fit
    if logits:
        text, edits = respelling.library_name(program, path, f"keras.losses.{respelling.CLASSES[name]}", at)
        return f"{text}(from_logits=True)", edits
    short = {"mean_squared_error": "mse", "mean_absolute_error": "mae"}.get(name, name)
    return respelling.quoted(program, path, short, like), ()


def stated(program: Program, compilation: Compilation, fit: Fit) -> tuple[Edit, ...]:
    """The edits that give a `compile` this loss, in the place of the one that it states, or behind the optimizer."""
    from regrad.codemods.engine.arguments import Set, change_call

    path, call = compilation.frame.path, compilation.node
    if call is None or call not in program.parents(path):
        raise CannotMove("the model is compiled in a way that is not written out")
    given = compilation.loss_node
    if given is not None and given not in call.args and all(word.value is not given for word in call.keywords):
        raise CannotMove("the arguments of `compile` are unpacked from elsewhere")
    text, edits = loss_text(program, path, fit, call, given)
    source = program.files[path]
    if given is not None:
        return (*edits, Edit(path, source.span(given), text))
    after = "optimizer" if any(word.arg == "optimizer" for word in call.keywords) else 0
    return (*edits, change_call(source, call, Set("loss", text, after)))
