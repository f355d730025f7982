"""RG206 variables-before-build: a model's weights are listed before it has any.

What it does
------------
Reports `variables = model.trainable_variables` of a model that has not been called or built yet, or of which some
layers have not, where the list is then asked for gradients.

Why gradients stop
------------------
A Keras model makes its weights at its first call, or as soon as it knows its input's shape. The list is made when it
is read and does not grow afterwards: it is empty, so is the list of gradients, and `apply_gradients` raises "not
enough values to unpack (expected 2, got 0)" or, under Keras 2, does nothing. Where only some layers were built, the
list holds their weights, and the others are never trained, without a word.

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
The list is read after the forward pass: its statement moves there, or, where the list was made in another function
or is an attribute, each use reads it afresh; several lists put together move as one statement. An attribute that other
code asks for, too, or that puts several lists together, becomes a property. Safe where the program
could not train before; unsafe where some layers were trained and the others join them.

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
from typing import NamedTuple

from regrad.analysis import flow, generation
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, ModelCalled, WeightsRead
from regrad.analysis.library.sequential import has_input
from regrad.analysis.program import Program
from regrad.analysis.trainings import inside, lists_in, unknown_inside
from regrad.analysis.values import Instance, Layer, Network
from regrad.analysis.weights import describe, foreign_base
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld


class Evidence(NamedTuple):
    """The early reading, and the request that uses it; `empty`: no weight is listed, so that nothing trains."""

    read: WeightsRead
    event: GradientTaken
    empty: bool


def detect(program: Program) -> Iterable[Finding]:
    seen: set[object] = set()
    early = {id(read.node): read for read in program.of(WeightsRead) if not read.built and _early(program, read)}
    built = {id(read.node) for read in program.of(WeightsRead) if read.built}
    for event in program.of(GradientTaken):
        reads = [node for part in lists_in(event.sources) for node in part.reads]
        for node in reads:
            read = early.get(id(node))
            if read is None or id(node) in built or read.serial > event.serial:
                continue
            location = program.location(read.node, read.frame)
            if location in seen or not _called_between(program, read, event):
                continue
            seen.add(location)
            yield Finding(
                RULE.code,
                RULE.name,
                _message(read, alone=len(reads) == 1),
                location,
                CutKind.NEVER_USED,
                () if _is_empty(read) else tuple(dict.fromkeys(describe(layer) for layer in read.unbuilt)),
                (Related(program.location(event.node, event.frame), "the list is asked for gradients here"),),
                Evidence(read, event, _nothing_else(event, [early.get(id(each)) for each in reads])),
            )


def _nothing_else(event: GradientTaken, reads: list[WeightsRead | None]) -> bool:
    """Whether all that the request asks for has no weights yet."""
    unbuilt = {id(layer) for read in reads if read is not None for layer in read.unbuilt}
    return all(id(source) in unbuilt for source in flow.sources_of(event.sources)[0])


def _message(read: WeightsRead, *, alone: bool) -> str:
    owner = describe(read.owner)
    if _is_empty(read):
        stays = "empty" if alone else "without them"
        return f"`{owner}` has no weights yet when they are listed here: the list stays {stays}"
    missing = tuple(dict.fromkeys(describe(layer) for layer in read.unbuilt))
    listed = ", ".join(f"`{name}`" for name in missing[:3])
    verb = "have" if len(missing) > 1 else "has"
    return f"{listed} of `{owner}` {verb} no weights yet when they are listed here: the list stays without them"


def _is_empty(read: WeightsRead) -> bool:
    unbuilt = {id(layer) for layer in read.unbuilt}
    return all(id(source) in unbuilt for source in read.sources)


def _early(program: Program, read: WeightsRead) -> bool:
    """Whether certainly some of the model's weights did not exist at that moment, and came with a call later."""
    owner = read.owner
    if not read.complete or not read.sources or not read.unbuilt or unknown_inside(program, owner):
        return False
    parts = inside(owner)
    if any(isinstance(value, Instance) and (value.role == "library" or foreign_base(value)) for value in parts):
        return False
    if _is_empty(read):
        networks = [value for value in parts if isinstance(value, Network)]
        return not any(value.form != "sequential" or _states_input(program, value) for value in networks)
    frozen = {id(value) for value in read.frozen}
    missing = [layer for layer in read.unbuilt if isinstance(layer, Layer) and id(layer) not in frozen]
    return isinstance(owner, Instance) and bool(missing) and all(layer.fields.get("#called") for layer in missing)


def _states_input(program: Program, network: Network) -> bool:
    """Whether it is told its input shape. One that begins with another `Sequential` knows what that one knows, which
    is asked by itself: that it is built by now says nothing of the moment of the reading.
    """
    layers = network.fields.get("layers") or (None,)
    nested = isinstance(layers[0], Network) and layers[0].form == "sequential"
    return not nested and has_input(network, 2 if generation.only_keras_2(program) else program.keras)


def _called_between(program: Program, read: WeightsRead, event: GradientTaken) -> bool:
    """Whether the model is first called after the reading and before the request, so that its weights came in
    between.
    """
    calls = [call.serial for call in program.of(ModelCalled) if call.model is read.owner]
    return bool(calls) and min(calls) > read.serial and any(serial < event.serial for serial in calls)


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.listed_afresh import is_kept, listed_afresh, lists_only
    from regrad.codemods.engine.moving import CannotMove, Rewrite, before

    evidence: Evidence = finding.evidence
    read, event = evidence.read, evidence.event
    path = read.frame.path
    statement = program.statement(read.node, path)
    text = program.source(statement.value if isinstance(statement, ast.Assign) else read.node, path)
    try:
        if is_kept(statement):
            edits = listed_afresh(program, read)
            return [Mending("list the weights where they are asked for", _safety(evidence), edits, _reason(evidence))]
        request = program.statement(event.node, event.frame.path)
        if event.frame.path != path or request is None:
            raise CannotMove("the weights are listed in another file")
        if (
            not isinstance(statement, ast.Assign)
            or not lists_only(statement.value)
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
                node for node in program.nodes_of(path, ast.Name) if node.id == name and isinstance(node.ctx, ast.Load)
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
        return [
            Mending("list the weights after the forward pass", _safety(evidence), rewrite.edits(), _reason(evidence))
        ]
    except CannotMove as problem:
        return Withheld(str(problem), f"tape.gradient(loss, {text})")


def _safety(evidence: Evidence) -> Safety:
    return Safety.SAFE if evidence.empty else Safety.UNSAFE


def _reason(evidence: Evidence) -> str:
    return "" if evidence.empty else "weights move that did not move before"


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
