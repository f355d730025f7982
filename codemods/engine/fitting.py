"""Which losses fit a head and its targets, best first, and how a loss is put into a call of `compile`."""

from __future__ import annotations

import ast
from typing import Any

from regrad.analysis.events import Compilation, Head
from regrad.analysis.library.losses import standard_name
from regrad.analysis.names import snake_case
from regrad.analysis.program import Program
from regrad.analysis.values import (
    Absent,
    Collection,
    Constant,
    External,
    Instance,
    Loss,
    Mapping,
    Metric,
    Value,
)
from regrad.codemods.engine.judged import Targets, units_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.respelling import file_of, quoted
from regrad.codemods.engine.rule import Edit

Fit = tuple[str, bool]
"""A loss of the library and whether it has to be told that it gets logits."""


_BELONGS = {
    "binary_accuracy": "binary_crossentropy",
    "precision": "binary_crossentropy",
    "recall": "binary_crossentropy",
    "auc": "binary_crossentropy",
    "categorical_accuracy": "categorical_crossentropy",
    "top_k_categorical_accuracy": "categorical_crossentropy",
    "sparse_categorical_accuracy": "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy": "sparse_categorical_crossentropy",
    "root_mean_squared_error": "mean_squared_error",
    "mean_squared_error": "mean_squared_error",
    "r2_score": "mean_squared_error",
}
"""The loss that is trained where this metric is watched."""
_ACTIVATION = {
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}


_COUNTING = ("accuracy", "acc")


def fitting(head: Head, targets: Targets, metrics: Value | None = None) -> list[Fit]:
    """The losses that can teach the head, in the order of their likelihood; none where the head is not known.

    What the author watches (`metrics` of `compile`) says what the targets are where nothing else does.
    """
    fits = _teaching(head, targets)
    for name in _names(metrics):
        watched = watching(name, head, targets)
        # A distance is watched beside any loss; a count of hits says what the targets are.
        if watched and watched[0][0] in _ACTIVATION:
            return [*watched, *(fit for fit in fits if fit not in watched and name in _COUNTING)]
    return fits


def watching(name: str, head: Head, targets: Targets) -> list[Fit]:
    """The losses that belong to a metric of this name; none where the name says nothing of them."""
    name = name if name.islower() else snake_case(name)
    belonging = _BELONGS.get(name) or standard_name(name)
    fits = _teaching(head, targets)
    if belonging is None:
        several = head.activation == "linear" and units_of(head) != 1
        # What is counted right are classes, so an unactivated head gives their logits.
        if not (name in _COUNTING and several and targets.encoding is None):
            return []
        others = fits if units_of(head) is None else []
        return [*((each, True) for each in _for_classes(targets)), *others]
    if any(fit[0] == belonging for fit in fits):
        return [fit for fit in fits if fit[0] == belonging]
    if belonging in _ACTIVATION and head.activation == "linear":
        return [(belonging, True)]
    if _ACTIVATION.get(belonging) in (head.activation, None):
        return [(belonging, False)]
    return fits if name in _BELONGS else [(belonging, False)]


def _names(metrics: Value | None) -> list[str]:
    if isinstance(metrics, Constant):
        return [metrics.value] if isinstance(metrics.value, str) else []
    if isinstance(metrics, (Metric, External)):
        return [metrics.name.rpartition(".")[2]]
    inner = metrics.items if isinstance(metrics, Collection) else ()
    inner = tuple(metrics.entries.values()) if isinstance(metrics, Mapping) else inner
    return [name for each in inner for name in _names(each)]


def _teaching(head: Head, targets: Targets) -> list[Fit]:
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
    written = given in call.args or any(word.value is given and word.arg is not None for word in call.keywords)
    if given is not None and (not written or isinstance(given, ast.Starred)):
        return _where_it_is_none(program, compilation.loss, fit)
    text, edits = loss_text(program, path, fit, call, given)
    source = program.files[path]
    if given is not None:
        return (*edits, Edit(path, source.span(given), text))
    after = "optimizer" if any(word.arg == "optimizer" for word in call.keywords) else 0
    return (*edits, change_call(source, call, Set("loss", text, after)))


def _where_it_is_none(program: Program, loss: Value | None, fit: Fit) -> tuple[Edit, ...]:
    """The loss in the place of the None that a call of `compile` gets with other arguments from elsewhere."""
    node = loss.node if isinstance(loss, Constant) else None
    path = file_of(program, node) if isinstance(node, ast.Constant) or (isinstance(loss, Absent) and node) else None
    if node is None or path is None:
        raise CannotMove("the arguments of `compile` are unpacked from elsewhere")
    text, edits = loss_text(program, path, fit, node, None)
    return (*edits, Edit(path, program.files[path].span(node), text))


def under_another_key(program: Program, loss: Value | None) -> tuple[str, tuple[Edit, ...]] | None:
    """The one key of a dictionary that holds a loss, where another is asked for, and the edits that ask for it."""
    if not isinstance(loss, Absent) or not isinstance(loss.node, ast.Call):
        return None
    held = _held(loss.owner)
    keys = [key for key, value in held.items() if isinstance(key, str) and _is_a_loss(value) and not _watches(key)]
    path = file_of(program, loss.node)
    if len(keys) != 1 or path is None:
        return None
    arguments = loss.node.args
    asked = arguments[1] if isinstance(loss.owner, Instance) else arguments[0] if arguments else None
    if not isinstance(asked, ast.Constant):
        return None
    text = quoted(program, path, keys[0], asked)
    return keys[0], (Edit(path, program.files[path].span(asked), text),)


def _held(owner: Value) -> dict[Any, Value]:
    """What a dictionary holds, or a record with its defaults."""
    if isinstance(owner, Mapping):
        return owner.entries
    if not isinstance(owner, Instance):
        return {}
    inherited = [each.fields for each in reversed(list(owner.cls.ancestry()))]
    return {key: value for fields in (*inherited, owner.fields) for key, value in fields.items()}


def _watches(key: str) -> bool:
    """Whether what stands under this key is no loss, though losses have such names too."""
    return any(word in key.lower() for word in ("metric", "monitor", "schedule", "decay", "distance"))


def _is_a_loss(value: object) -> bool:
    if isinstance(value, Constant):
        return isinstance(value.value, str) and standard_name(value.value) is not None
    return isinstance(value, Loss) or (isinstance(value, External) and value.name.startswith("keras.losses."))
