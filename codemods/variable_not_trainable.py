"""RG204 variable-not-trainable: a gradient is asked for something that has none: a variable made with
`trainable=False`, or a model's statistics.

What it does
------------
Reports a variable made with `trainable=False` whose gradient is asked of a tape, and `model.variables` or
`model.weights` as the sources of a training step where the model has weights that are no subject of training (moving
averages, seed states). Also a list that holds the weights of two branches where the loss is computed by one, as a
condition chooses.

Why gradients stop
------------------
The tape watches trainable variables on its own, no others. Their gradient is None, so the optimizer warns and skips
them, or, where there is nothing else, says "No gradients provided for any variable".

Example
-------
Broken::

    w = tf.Variable(1.0, trainable=False)
    with tf.GradientTape() as tape:
        loss = (w * x - y) ** 2
    optimizer.apply_gradients([(tape.gradient(loss, w), w)])

Mended::

    w = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        loss = (w * x - y) ** 2
    optimizer.apply_gradients([(tape.gradient(loss, w), w)])

The fix and its safety
----------------------
`variables` and `weights` become `trainable_variables` and `trainable_weights`, in the request and where the pairs are
made: safe, since the others never received anything. Taking out `trainable=False` is unsafe: the variable joins every
list of trainable ones. Where a function of the program makes the variable and its caller says whether it trains, the
call says otherwise, and what other calls make stays as it is. Which weights belong to which branch is for the author
to say.

When it stays silent
--------------------
When the tape watches the variable, or all of the model's variables are trainable; when a condition or a slice chooses
some of them (`[v for v in model.weights if "bias" in v.name]`); when the gradient is not handed to an
optimizer, or is asked whether it is None before; integers (RG505).

References
----------
- https://github.com/tensorflow/tensorflow/issues/29122
- regrad, facts: measured behaviour, 2 and 7.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from regrad.analysis import applications, generation, unreached
from regrad.analysis.cut import CutKind
from regrad.analysis.events import Applied, GradientTaken
from regrad.analysis.operations import is_integer
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.steps import moved_by_hand
from regrad.analysis.trainings import inside, lists_in
from regrad.analysis.values import Collection, Constant, Layer, Value, Variable, WeightList
from regrad.analysis.weights import describe
from regrad.codemods.engine import maker_flag
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.pairs import leaves_out
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld

_TRAINABLE = {"variables": "trainable_variables", "weights": "trainable_weights"}
_STATISTICS = frozenset({"BatchNormalization", "SyncBatchNormalization"})
_SEEDED = frozenset(
    {
        "Dropout",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "AlphaDropout",
        "GaussianNoise",
        "GaussianDropout",
        "RandomFlip",
        "RandomRotation",
        "RandomZoom",
    }
)


class Branch(NamedTuple):
    """A list that holds the weights of every branch, where the loss is that of one."""

    names: tuple[str, ...]


class Wide(NamedTuple):
    """A list that holds more than what trains; `event` asked for its gradient."""

    read: ast.Attribute
    event: GradientTaken
    applied: Applied


def detect(program: Program) -> Iterable[Finding]:
    seen: set[object] = set()
    for sink in program.sinks:
        for finding in (*_variables(program, sink), *_lists(program, sink)):
            if finding.location not in seen:
                seen.add(finding.location)
                yield finding
    for finding in _branches(program):
        if finding.location not in seen:
            seen.add(finding.location)
            yield finding


def _branches(program: Program) -> Iterator[Finding]:
    for case in unreached.partly(program):
        event = case.sink.event
        if not isinstance(event, GradientTaken) or not unreached.chosen_elsewhere(program, case.sink, case.parts):
            continue
        applied = applications.of(program, event)
        if applied is not None and leaves_out(program, applied):
            continue
        names = tuple(dict.fromkeys(describe(part) for part in case.parts))
        yield Finding(
            RULE.code,
            RULE.name,
            "the loss is that of one branch, and the list also holds the other's weights"
            f" ({', '.join(names[:3])}), whose gradient is None",
            program.location(event.sources_node or event.node, event.frame),
            CutKind.NEVER_USED,
            names,
            (),
            Branch(names),
        )


def _variables(program: Program, sink: Sink) -> Iterator[Finding]:
    event = sink.event
    if sink.kind != "tape" or not isinstance(event, GradientTaken) or any(True for _ in lists_in(event.sources)):
        return
    watched = event.tape.fields.get("watched") or {}
    for value in sink.path.lost:
        if (
            not isinstance(value, Variable)
            or id(value) in watched
            or value.node is None
            or value.frame is None
            or is_integer(value.fields.get("dtype"))
        ):
            continue
        stated = value.fields.get("trainable")
        if (
            not isinstance(stated, Constant)
            or stated.value is not False
            or not sink.depends_on(value)
            or (applications.of(program, event) is None and id(value) not in moved_by_hand(program))
        ):
            continue
        place = program.location(value.node, value.frame)
        related: tuple[Related, ...] = (
            Related(program.location(event.node, event.frame), "its gradient is asked for here"),
        )
        try:
            decision = maker_flag.at_call(value)
        except CannotMove:
            decision = None
        if decision is not None:
            related = (Related(place, "the variable is made here"), *related)
            place = program.location(decision.call, decision.frame)
        yield Finding(
            RULE.code,
            RULE.name,
            f"`{describe(value)}` is made with `trainable=False`,"
            " so the tape does not watch it and its gradient is None",
            place,
            CutKind.NOT_TRAINABLE,
            (describe(value),),
            related,
            value,
        )


def _lists(program: Program, sink: Sink) -> Iterator[Finding]:
    event = sink.event
    if not isinstance(event, GradientTaken) or sink.kind != "tape":
        return
    for part in _whole_lists(event.sources):
        if part.attribute not in _TRAINABLE or not isinstance(part.node, ast.Attribute):
            continue
        if _chosen_from(program, part.node, event.frame.path):
            continue
        without = _without_gradient(program, part)
        applied = applications.of(program, event)
        if not without or applied is None:
            continue
        yield Finding(
            RULE.code,
            RULE.name,
            f"`{program.source(part.node, event.frame.path)}` also holds what is not trained"
            f" ({', '.join(without)}), whose gradient is None",
            program.location(part.node, event.frame),
            CutKind.NOT_TRAINABLE,
            tuple(without),
            (Related(program.location(applied.node, applied.frame), "the optimizer is handed them here"),),
            Wide(part.node, event, applied),
        )


def _whole_lists(value: Value) -> Iterator[WeightList]:
    """The lists of weights all of which are asked for: what a condition or a slice chooses may be what trains."""
    if isinstance(value, WeightList):
        if value.complete:
            yield value
    elif isinstance(value, Collection) and (value.covered or _takes_all(value.node)):
        for item in value.items:
            yield from _whole_lists(item)


def _takes_all(node: ast.AST | None) -> bool:
    """Whether this is a comprehension without a condition."""
    if not isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        return False
    return not any(each.ifs for each in node.generators)


def _chosen_from(program: Program, read: ast.Attribute, path: str) -> bool:
    """Whether a loop goes through the weights and decides about each."""
    parents = program.parents(path)
    node: ast.AST = read
    while (above := parents.get(node)) is not None and not isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if isinstance(above, ast.For) and above.iter is node:
            return any(isinstance(each, (ast.If, ast.IfExp)) for part in above.body for each in ast.walk(part))
        node = above
    return False


def _without_gradient(program: Program, part: WeightList) -> list[str]:
    """The weights in the list that never have a gradient."""
    found: list[str] = []
    for owner in part.owners:
        for value in inside(owner):
            if isinstance(value, Layer) and value.kind in _STATISTICS:
                found.append(f"the moving averages of `{describe(value)}`")
            elif isinstance(value, Layer) and value.kind == "Normalization" and "mean" not in value.arguments:
                found.append(f"the statistics of `{describe(value)}`")
            elif isinstance(value, Layer) and value.kind in _SEEDED and _keeps_seeds(program):
                found.append(f"the seed of `{describe(value)}`")
            elif (
                isinstance(value, Variable)
                and isinstance(value.fields.get("trainable"), Constant)
                and value.fields["trainable"].value is False
            ):
                found.append(f"`{describe(value)}`")
    return list(dict.fromkeys(found))[:3]


def _keeps_seeds(program: Program) -> bool:
    """Whether random layers certainly, or as Keras is imported today, keep their seeds in variables."""
    if program.keras != 3 or generation.only_keras_2(program):
        return False
    texts = [source.text for source in program.files.values()]
    return program.keras_known or (
        any(_PLAIN.search(text) for text in texts) and not any(_INSIDE.search(text) for text in texts)
    )


_PLAIN = re.compile(r"^(?:import|from) keras\b", re.M)
_INSIDE = re.compile(r"\b(?:tf|tensorflow)\.(?:compat\.v1\.)?keras\b|from tensorflow import .*keras")


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.arguments import remove_argument
    from regrad.codemods.engine.moving import Rewrite

    evidence = finding.evidence
    if isinstance(evidence, Branch):
        return Withheld("which weights belong to which branch is for the author to say", _OF_ONE_BRANCH)
    try:
        if isinstance(evidence, Variable):
            if not isinstance(evidence.node, ast.Call) or evidence.frame is None:
                return Withheld("the place where the variable is made is not known")
            joins = "it joins every list of trainable variables"
            decision = maker_flag.at_call(evidence)
            if decision is not None:
                edit = maker_flag.stated_there(program, decision)
                what = f"make it trainable: `{decision.flag}={decision.value}`"
                return [Mending(what, Safety.UNSAFE, (edit,), joins)]
            source = program.files[evidence.frame.path]
            return [
                Mending(
                    "make it trainable",
                    Safety.UNSAFE,
                    (remove_argument(source, evidence.node, "trainable"),),
                    joins,
                )
            ]
        path = evidence.event.frame.path
        text = program.source(evidence.read, path)
        places: list[ast.Attribute] = [evidence.read]
        rewrite = Rewrite(program.files[path], program.trees[path])
        if evidence.applied.frame.path == path:
            places += [
                node
                for node in ast.walk(evidence.applied.node)
                if isinstance(node, ast.Attribute) and node is not evidence.read and program.source(node, path) == text
            ]
        for node in places:
            rewrite.replace(node, f"{program.source(node.value, path)}.{_TRAINABLE[node.attr]}")
        return [Mending("ask for what is trained", Safety.SAFE, rewrite.edits())]
    except CannotMove as problem:
        advice = "tf.Variable(value, trainable=True)" if isinstance(evidence, Variable) else "model.trainable_variables"
        return Withheld(problem.reason, advice)


_OF_ONE_BRANCH = (
    "active = trunk.trainable_variables + branch.trainable_variables\ngradients = tape.gradient(loss, active)\n"
    "optimizer.apply_gradients(zip(gradients, active))"
)


RULE = Rule(
    "RG204",
    "variable-not-trainable",
    "mixed",
    "The list of what trains is all that the optimizer could use; a variable made trainable joins other lists too.",
    detect,
    mend,
)
