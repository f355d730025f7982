"""RG106 metric-as-loss: what counts right answers is given to the optimizer as a loss.

What it does
------------
Reports a model that is trained with `loss="accuracy"`, another metric's name, a metric object (`keras.metrics.X()`)
or a counting function of `keras.metrics` as its loss; a counting function of the program's own that is called a metric
(`error_rate`, `class_accuracy`), or is one call of what the metrics of the same `compile` call too; a loss that is
computed with a function which that `compile` lists among its metrics; and gradients, of a tape, of a graph or of a loss
of the program's own, that are asked of what a metric object returns (`train_loss.result()`) or one of the metrics of
graphs (`tf.metrics.auc`).

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
offered and the verifier chooses. The metrics that the model reports are left alone, and a metric of the program's own
that was the loss becomes one of them. Where a `Mean` was given the loss of the batch, that loss is differentiated
itself; a metric object that is called like a loss becomes the loss of the same name. Of the metrics of graphs, a mean
and the errors of quantities are taken of the batch alone, and the area under the curve is the softened share of pairs
that are in the right order.

When it stays silent
--------------------
When the metric's name is that of a loss too (`keras.metrics.mean_squared_error`), when a gradient arrives by another
way, and for other functions that count inside the program's own loss, also where a metric calls them too (RG501).

References
----------
- Keras, "Losses" and "Metrics".
- regrad, facts: measured behaviour, 3; error sites, `losses/__init__.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from regrad.analysis.cut import CutKind
from regrad.analysis.events import Head, Trained
from regrad.analysis.library.losses import is_metric, standard_name
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, External, Function, Metric, Value
from regrad.analysis.weights import names
from regrad.codemods.engine import imports, own_metrics
from regrad.codemods.engine.broken_paths import excerpt
from regrad.codemods.engine.counted import CountedLoss, counted_losses
from regrad.codemods.engine.fitting import Fit, fitting, loss_text, watching
from regrad.codemods.engine.judged import Targets, pairs, targets_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.named_value import only_value
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.streamed_metric import of_this_batch

CODE, NAME = "RG106", "metric-as-loss"
_LOSS = re.compile(r"loss|cost|objective|criterion|error")
"""Names under which a program keeps its loss."""
_ALIKE = {
    "mean_absolute_error": "MeanAbsoluteError",
    "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError",
    "kl_divergence": "KLDivergence",
    "poisson": "Poisson",
    "hinge": "Hinge",
    "squared_hinge": "SquaredHinge",
    "categorical_hinge": "CategoricalHinge",
}
"""Losses that measure what the metric of their name does, besides the cross-entropies and the squared error. That of a
cosine is its negative.
"""
_METRICS = 2
"""The place of `metrics` among the arguments of `compile`."""
_UNKNOWN = ast.Constant(None)


class _Misused(NamedTuple):
    metric: str
    node: ast.AST
    path: str
    head: Head
    targets: Targets
    watched: Value | None
    """What `compile` was given as metrics."""
    function: Function | None = None
    """The program's own metric that is the loss itself."""


def detect(program: Program) -> Iterable[Finding]:
    seen: set[int] = set()
    for event in program.of(Trained):
        compilation = event.compilation
        if event.own_step or compilation is None or compilation.loss is None or compilation.loss_node is None:
            continue
        for head, loss, node, target in pairs(event, compilation.loss, compilation.loss_node):
            counts = own_metrics.counting(program).get(id(event.node)) if isinstance(loss, Function) else None
            if not (is_metric(loss) or counts is not None) or id(node) in seen:
                continue
            seen.add(id(node))
            name = counts[1].name if counts is not None else _name(loss)
            message = f"`{name}` is a metric: it counts, so its value has no slope for the optimizer to follow"
            # What a function of the program's own is called says nothing of the library's losses.
            evidence = _Misused(
                "" if counts is not None else name,
                node,
                compilation.frame.path,
                head,
                targets_of(target),
                compilation.metrics,
                loss if counts is not None and counts[1] is loss and isinstance(loss, Function) else None,
            )
            location = program.location(node, compilation.frame)
            yield Finding(CODE, NAME, message, location, CutKind.NON_DIFFERENTIABLE, (), (), evidence)
    yield from _differentiated(program, seen)


def _differentiated(program: Program, stated: set[int]) -> Iterator[Finding]:
    for each in counted_losses(program):
        operation = each.operation
        if operation.node is None or operation.frame is None or id(operation.node) in stated:
            continue
        event = each.sink.event
        text = excerpt(program, operation.node, operation.frame)
        message = f"`{text}` is what a metric has added up: no gradient passes through its variables"
        related = (Related(program.location(event.node, event.frame), "the gradient is asked for here"),)
        location = program.location(operation.node, operation.frame)
        lost = names(each.sink.path.lost)
        yield Finding(CODE, NAME, message, location, CutKind.NON_DIFFERENTIABLE, lost, related, each)


def _name(loss: Value) -> str:
    if isinstance(loss, Constant):
        return str(loss.value)
    if isinstance(loss, (Metric, External)):
        return loss.name.rpartition(".")[2]
    return "metric"


def mend(program: Program, finding: Finding) -> Mendings:
    if isinstance(finding.evidence, CountedLoss):
        return _of_batch(program, finding.evidence)
    found: _Misused = finding.evidence
    offered: list[Mending] = []
    reason = "which loss the author meant is not certain: the last layer is not known"
    for fit in watching(found.metric, found.head, found.targets) or fitting(found.head, found.targets, found.watched):
        try:
            edits = _edits(program, found, fit)
        except CannotMove as problem:
            reason = problem.reason
            continue
        offered.append(Mending(f"use `{fit[0]}` as the loss", Safety.UNSAFE, edits))
    return offered or Withheld(reason, 'model.compile(loss=..., metrics=["accuracy"])')


def _of_batch(program: Program, found: CountedLoss) -> Mendings:
    """The loss in the place of what the metric has made of it."""
    suggestion = "loss = loss_fn(y, prediction)\nmetric.update_state(loss)  # for the report"
    node, frame = found.operation.node, found.operation.frame
    if not isinstance(node, ast.Call) or frame is None:
        return Withheld("where the metric is asked is not certain", suggestion)
    try:
        if found.metric.node is node:
            edits = of_this_batch(program, found.operation, node, frame.path)
            title = "measure this batch, with a slope"
            return [Mending(title, Safety.UNSAFE, edits, "a metric measures all batches so far", keeps_loss=False)]
        if found.operation.inputs:
            edits = _loss_of_that_name(program, found.metric, node, frame.path)
            title = f"use the loss `{found.metric.name}` instead of the metric"
            return [Mending(title, Safety.UNSAFE, edits, "a loss averages this batch, a metric all of them")]
        edits = _before_counting(program, node, frame.path)
        title = "differentiate the loss of this batch, and let the metric count it"
        return [Mending(title, Safety.UNSAFE, edits, "the metric is the mean of all batches so far", keeps_loss=False)]
    except CannotMove as problem:
        return Withheld(problem.reason, suggestion)


def _loss_of_that_name(program: Program, metric: Metric, call: ast.Call, path: str) -> tuple[Edit, ...]:
    """A loss object where the metric object was made, if nothing but this call uses it."""
    from regrad.codemods.engine import respelling
    from regrad.codemods.engine.arguments import Callee, change_call

    made = metric.node
    name = standard_name(metric.name)
    like = _ALIKE.get(name or "") or respelling.CLASSES.get(name or "")
    if name is None or like is None or not isinstance(made, ast.Call) or metric.frame is None:
        raise CannotMove(f"no loss of the library is called `{metric.name}`")
    if not isinstance(call.func, (ast.Name, ast.Attribute)):
        raise CannotMove("the metric is not called by a name")
    if any(word.arg not in respelling.accepted(name) for word in made.keywords):
        raise CannotMove("the loss does not take the arguments of the metric")
    if made.args:
        raise CannotMove("arguments given by position mean something else to the loss")
    last = call.func.id if isinstance(call.func, ast.Name) else call.func.attr
    uses = [
        each
        for where in program.trees
        for each in program.nodes(where)
        if (isinstance(each, ast.Name) and each.id == last) or (isinstance(each, ast.Attribute) and each.attr == last)
    ]
    if len(uses) > 2:
        raise CannotMove(f"`{last}` is used elsewhere as well, as the metric that it is")
    where = metric.frame.path
    source = program.files[where]
    text = source.segment(source.span(made.func))
    if isinstance(made.func, ast.Attribute) and text.endswith(f".metrics.{made.func.attr}"):
        # Where `metrics` itself is what was imported, `losses` need not be.
        new = text[: -len(f"metrics.{made.func.attr}")] + f"losses.{like}"
        return (change_call(source, made, Callee(new)),)
    new, edits = respelling.library_name(program, where, f"keras.losses.{like}", made)
    if new == text:
        raise CannotMove(f"the name `{new}` means the metric in this file")
    if isinstance(made.func, ast.Name):
        tree = program.trees[where]
        edits = imports.exchanged(source, tree, edits, imports.remove_import(source, tree, text, without=[made.func]))
    return (*edits, change_call(source, made, Callee(new)))


def _before_counting(program: Program, result: ast.Call, path: str) -> tuple[Edit, ...]:
    """The number that the metric was given in the same block, in the place of what it made of it."""
    source = program.files[path]
    statement = program.statement(result, path)
    if not isinstance(result.func, ast.Attribute) or statement is None:
        raise CannotMove("the metric is asked in a way that is not written out")
    owner = source.segment(source.span(result.func.value))
    parent = program.parents(path).get(statement)
    block = (
        next((b for _, b in ast.iter_fields(parent) if isinstance(b, list) and statement in b), []) if parent else []
    )
    given = (
        [
            (one, one.value)
            for one in block[: block.index(statement)]
            if isinstance(one, ast.Expr)
            and isinstance(one.value, ast.Call)
            and source.segment(source.span(one.value.func)) in (owner, f"{owner}.update_state")
        ]
        if block
        else []
    )
    if len(given) != 1 or len(given[0][1].args) != 1 or given[0][1].keywords:
        raise CannotMove("what the metric was given is not written right before it is asked")
    told, call = given[0]
    number = call.args[0]
    text = source.segment(source.span(number))
    if isinstance(number, ast.Name):
        return (Edit(path, source.span(result), text),)
    plain = isinstance(statement, ast.Assign) and statement.value is result and len(statement.targets) == 1
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if isinstance(number, ast.Starred) or not plain or not isinstance(target, ast.Name):
        raise CannotMove("the number that the metric is given has no name")
    between = block[block.index(told) + 1 : block.index(statement)]
    if any(isinstance(each, ast.Name) and each.id == target.id for one in between for each in ast.walk(one)):
        raise CannotMove(f"`{target.id}` is used in between")
    counting = f"{source.segment(source.span(call.func))}({target.id})"
    return (
        Edit(path, source.span(told), f"{target.id} = {text}"),
        Edit(path, source.span(statement), counting),
    )


def _edits(program: Program, found: _Misused, fit: Fit) -> tuple[Edit, ...]:
    text, edits = loss_text(program, found.path, fit, found.node, found.node)
    node, source = found.node, program.files[found.path]
    parents = program.parents(found.path)
    holder = parents.get(node)
    if isinstance(node, ast.Name) and isinstance(holder, ast.keyword | ast.Call):
        value = _value_of(program, found.path, node)
        watched = own_metrics.listed(found.watched)
        if found.function is not None and value is node:
            if all(each.node is not found.function.node for each in watched):
                text, edits = _watched(program, found.path, node, text, edits)
        elif _LOSS.search(node.id.lower()):
            node = value
        elif value is not node:
            text, edits = _watched(program, found.path, node, text, edits)
    return (*edits, Edit(found.path, source.span(node), text))


def _watched(
    program: Program, path: str, name: ast.Name, text: str, edits: tuple[Edit, ...]
) -> tuple[str, tuple[Edit, ...]]:
    """The text of the loss and the edits with which `compile` watches the metric, which would lose its only use."""
    parents = program.parents(path)
    holder = parents.get(name)
    call = parents.get(holder) if isinstance(holder, ast.keyword) else holder
    metrics = _metrics(call) if isinstance(call, ast.Call) else _UNKNOWN
    if isinstance(metrics, ast.List) and metrics.elts:
        last = program.files[path].span(metrics.elts[-1]).end
        return text, (*edits, Edit(path, Span(last, last), f", {name.id}"))
    if metrics is None:
        return f"{text}, metrics=[{name.id}]", edits
    return text, edits


def _metrics(call: ast.Call) -> ast.expr | None:
    """The metrics of a `compile`; None where it has none."""
    if len(call.args) > _METRICS:
        return call.args[_METRICS]
    if any(word.arg is None for word in call.keywords):
        return _UNKNOWN
    return next((word.value for word in call.keywords if word.arg == "metrics"), None)


def _value_of(program: Program, path: str, name: ast.Name) -> ast.AST:
    """What the name stands for where nothing else uses it, so that it is the loss in name as well; else the name."""
    return only_value(program, path, name.id, used_once=True) or name


RULE = Rule(
    CODE, NAME, "unsafe", "The author named no loss; another than the metric's usual one may be meant.", detect, mend
)
