"""RG106 metric-as-loss: what counts right answers is given to the optimizer as a loss.

What it does
------------
Reports a model that is trained with `loss="accuracy"`, another metric's name, a metric object (`keras.metrics.X()`)
or a counting function of `keras.metrics` as its loss.

Why gradients stop
------------------
Accuracy compares, rounds or takes the largest: its value does not change when a weight moves a little, so it has no
slope. A metric object adds its numbers up in variables, through which no gradient passes. Keras knows no loss
called `accuracy` and raises; a metric function or object ends in `No gradients provided for any variable`.

Example
-------
Broken::

    model.add(Dense(1, activation="sigmoid"))
    model.compile(optimizer="adam", loss="accuracy")

Mended::

    model.add(Dense(1, activation="sigmoid"))
    model.compile(optimizer="adam", loss="binary_crossentropy")

The fix and its safety
----------------------
The loss that the metric is usually watched with: the cross-entropy for the last activation and the labels, the
squared error for a quantity. Unsafe, since the author named no loss; where the labels do not decide, candidates are
offered and the verifier chooses. The metrics that the model reports are left alone.

When it stays silent
--------------------
When the metric's name is that of a loss too (`keras.metrics.mean_squared_error`), and when the loss is the
program's own function (what cuts the path in there is reported by RG501).

References
----------
- Keras, "Losses" and "Metrics".
- regrad, facts: measured behaviour, 3; error sites, `losses/__init__.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from regrad.analysis.cut import CutKind
from regrad.analysis.events import Head, Trained
from regrad.analysis.library.losses import is_metric, standard_name
from regrad.analysis.names import snake_case
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, External, Metric, Value
from regrad.codemods.engine.fitting import Fit, fitting, loss_text
from regrad.codemods.engine.judged import Targets, pairs, targets_of, units_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Rule, Safety, Withheld

CODE, NAME = "RG106", "metric-as-loss"
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
_ACTIVATION = {
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}


@dataclass(frozen=True, eq=False)
class _Misused:
    metric: str
    node: ast.AST
    path: str
    head: Head
    targets: Targets


def detect(program: Program) -> Iterable[Finding]:
    seen: set[int] = set()
    for event in program.of(Trained):
        compilation = event.compilation
        if event.own_step or compilation is None or compilation.loss is None or compilation.loss_node is None:
            continue
        for head, loss, node, target in pairs(event, compilation.loss, compilation.loss_node):
            if not is_metric(loss) or id(node) in seen:
                continue
            seen.add(id(node))
            name = _name(loss)
            message = f"`{name}` is a metric: it counts, so its value has no slope for the optimizer to follow"
            evidence = _Misused(name, node, compilation.frame.path, head, targets_of(target))
            location = program.location(node, compilation.frame)
            yield Finding(CODE, NAME, message, location, CutKind.NON_DIFFERENTIABLE, (), (), evidence)


def _name(loss: Value) -> str:
    if isinstance(loss, Constant):
        return str(loss.value)
    if isinstance(loss, (Metric, External)):
        return loss.name.rpartition(".")[2]
    return "metric"


def mend(program: Program, finding: Finding) -> Mendings:
    found: _Misused = finding.evidence
    offered: list[Mending] = []
    reason = "which loss the author meant is not certain: the last layer is not known"
    for fit in _fits(found):
        try:
            edits = _edits(program, found, fit)
        except CannotMove as problem:
            reason = problem.reason
            continue
        offered.append(Mending(f"use `{fit[0]}` as the loss", Safety.UNSAFE, edits))
    return offered or Withheld(reason, 'model.compile(loss=..., metrics=["accuracy"])')


def _fits(found: _Misused) -> list[Fit]:
    name = found.metric if found.metric.islower() else snake_case(found.metric)
    belonging = _BELONGS.get(name) or standard_name(name)
    fits = fitting(found.head, found.targets)
    if belonging is None:
        several = found.head.activation == "linear" and (units_of(found.head) or 0) > 1
        if name in ("accuracy", "acc") and several and found.targets.encoding is None:
            # What is counted right are classes, so an unactivated head gives their logits.
            return [("sparse_categorical_crossentropy", True), ("categorical_crossentropy", True)]
        return fits
    if any(fit[0] == belonging for fit in fits):
        return [fit for fit in fits if fit[0] == belonging]
    if belonging in _ACTIVATION and found.head.activation == "linear":
        return [(belonging, True)]
    if _ACTIVATION.get(belonging) in (found.head.activation, None):
        return [(belonging, False)]
    return fits if _BELONGS.get(name) is not None else [(belonging, False)]


def _edits(program: Program, found: _Misused, fit: Fit) -> tuple[Edit, ...]:
    text, edits = loss_text(program, found.path, fit, found.node, found.node)
    node: ast.AST = found.node
    if isinstance(node, ast.Name) and isinstance(program.parents(found.path).get(node), ast.keyword | ast.Call):
        node = _value_of(program, found.path, node)
    return (*edits, Edit(found.path, program.files[found.path].span(node), text))


def _value_of(program: Program, path: str, name: ast.Name) -> ast.AST:
    """What the name stands for where nothing else uses it, so that it is the loss in name as well; else the name."""
    uses = [node for node in program.nodes(path) if isinstance(node, ast.Name) and node.id == name.id]
    values = [
        node.value
        for node in program.nodes(path)
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name.id for one in node.targets)
    ]
    return values[0] if len(values) == 1 and len(uses) == 2 else name


RULE = Rule(
    CODE, NAME, "unsafe", "The author named no loss; another than the metric's usual one may be meant.", detect, mend
)
