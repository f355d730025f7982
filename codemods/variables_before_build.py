"""RG206 variables-before-build: a model's weights are listed before it has any.

What it does
------------
Reports `variables = model.trainable_variables` of a model that has not been called or built yet, where the list is then
asked for gradients.

Why gradients stop
------------------
A Keras model makes its weights at its first call, or as soon as it knows its input's shape. The list is made when it
is read and does not grow afterwards: it is empty, so is the list of gradients, and `apply_gradients` raises "not
enough values to unpack (expected 2, got 0)" or, under Keras 2, does nothing.

Example
-------
Broken::

    model = keras.Sequential([layers.Dense(8), layers.Dense(1)])
    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        loss = loss_fn(y, model(x))
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))

Mended::

    model = keras.Sequential([layers.Dense(8), layers.Dense(1)])
    with tf.GradientTape() as tape:
        loss = loss_fn(y, model(x))
    variables = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))

The fix and its safety
----------------------
The list is read after the forward pass: its statement moves there, or, where the list was made in another function,
each use reads it afresh; several lists put together move as one statement. Safe: the program could not train before.

When it stays silent
--------------------
When the model has an input shape, was built or called before, or only some of its weights are missing for a reason
that is not known; when the list is read again after the call.

References
----------
- Keras, "The Sequential model", "Specifying the input shape in advance".
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, ModelCalled, WeightsRead
from regrad.analysis.library.sequential import has_input
from regrad.analysis.program import Program
from regrad.analysis.trainings import inside, lists_in, unknown_inside
from regrad.analysis.values import Instance, Layer, Network, WeightList
from regrad.analysis.weights import describe
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld


@dataclass(frozen=True)
class Evidence:
    """The early reading, and the request that uses it."""

    read: WeightsRead
    event: GradientTaken


def detect(program: Program) -> Iterable[Finding]:
    seen: set[object] = set()
    early = {id(read.node): read for read in program.of(WeightsRead) if not read.built and _empty(program, read)}
    built = {id(read.node) for read in program.of(WeightsRead) if read.built}
    for event in program.of(GradientTaken):
        for part in lists_in(event.sources):
            read = early.get(id(part.node))
            if read is None or id(part.node) in built or read.serial > event.serial or not isinstance(part, WeightList):
                continue
            location = program.location(read.node, read.frame)
            if location in seen or not _called_between(program, read, event):
                continue
            seen.add(location)
            yield Finding(
                RULE.code,
                RULE.name,
                f"`{describe(read.owner)}` has no weights yet when they are listed here: the list stays empty",
                location,
                CutKind.NEVER_USED,
                (),
                (Related(program.location(event.node, event.frame), "the empty list is asked for gradients here"),),
                Evidence(read, event),
            )


def _empty(program: Program, read: WeightsRead) -> bool:
    """Whether certainly none of the model's weights existed at that moment."""
    owner = read.owner
    if not read.complete or unknown_inside(program, owner):
        return False
    parts = [value for value in inside(owner) if isinstance(value, (Layer, Network, Instance))]
    if any(isinstance(value, Network) and (value.form != "sequential" or has_input(value)) for value in parts):
        return False
    if isinstance(owner, Instance) and any(
        not isinstance(value, (Layer, Network)) and value is not owner for value in parts
    ):
        return False
    return bool(read.sources) and all(isinstance(value, Layer) for value in read.sources)


def _called_between(program: Program, read: WeightsRead, event: GradientTaken) -> bool:
    """Whether the model is first called after the reading and before the request, so that its weights came in
    between.
    """
    calls = [call.serial for call in program.of(ModelCalled) if call.model is read.owner]
    return bool(calls) and min(calls) > read.serial and any(serial < event.serial for serial in calls)


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.moving import CannotMove, Rewrite, before

    evidence: Evidence = finding.evidence
    read, event = evidence.read, evidence.event
    path = read.frame.path
    statement = program.statement(read.node, path)
    text = program.source(statement.value if isinstance(statement, ast.Assign) else read.node, path)
    try:
        request = program.statement(event.node, event.frame.path)
        if event.frame.path != path or request is None:
            raise CannotMove("the weights are listed in another file")
        if (
            not isinstance(statement, ast.Assign)
            or not _lists_only(statement.value)
            or len(statement.targets) != 1
            or not isinstance(statement.targets[0], ast.Name)
        ):
            raise CannotMove("the list has no name of its own")
        name = statement.targets[0].id
        rewrite = Rewrite(program.files[path], program.trees[path])
        if read.frame.function is event.frame.function and not _read_between(program, path, statement, request, name):
            rewrite.move([statement], before(request))
        else:
            scope: ast.AST = event.frame.function.node if event.frame.function is not None else program.trees[path]
            uses = [
                node
                for node in ast.walk(scope)
                if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
            ]
            everywhere = [
                node
                for node in program.nodes(path)
                if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
            ]
            if len(uses) != len(everywhere) or not uses:
                raise CannotMove("the list is used in several places")
            if statement.value is not read.node and all(node.lineno >= request.lineno for node in uses):
                # A longer list is written once, and brings its comment along.
                rewrite.move([statement], before(request))
            else:
                for node in uses:
                    rewrite.replace(node, text)
                rewrite.remove([statement])
        return [Mending("list the weights after the forward pass", Safety.SAFE, rewrite.edits())]
    except CannotMove as problem:
        return Withheld(str(problem), f"tape.gradient(loss, {text})")


def _lists_only(node: ast.expr) -> bool:
    """Whether an expression only puts lists of weights together: read later, it says the same of the same models."""
    parts = list(ast.walk(node))
    calls = [each for each in parts if isinstance(each, ast.Call)]
    return all(
        isinstance(
            each,
            (ast.Name, ast.Attribute, ast.BinOp, ast.Add, ast.List, ast.Tuple, ast.Starred, ast.Call, ast.expr_context),
        )
        for each in parts
    ) and all(isinstance(call.func, ast.Name) and call.func.id in ("list", "tuple") for call in calls)


def _read_between(program: Program, path: str, statement: ast.stmt, request: ast.stmt, name: str) -> bool:
    return any(
        isinstance(node, ast.Name)
        and node.id == name
        and isinstance(node.ctx, ast.Load)
        and statement.lineno < node.lineno < request.lineno
        for node in program.nodes(path)
    )


RULE = Rule(
    "RG206",
    "variables-before-build",
    "safe",
    "The empty list could train nothing; the same list is read later.",
    detect,
    mend,
)
