"""Layers that are switched on inside a model whose own flag is off: to Keras 2 the model that holds it has none of
them to train.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from regrad.analysis import freshness, trainings
from regrad.analysis.events import TrainableSet
from regrad.analysis.frames import in_order
from regrad.analysis.library.keras_layers import NORMALISATION
from regrad.analysis.library.keras_models import spread
from regrad.analysis.program import Program
from regrad.analysis.trainings import Freeze, Switches, Training
from regrad.analysis.values import Constant, Layer, Network, Union_, Unknown, Value
from regrad.analysis.weights import sublayers
from regrad.codemods.engine.moving import CannotMove, Rewrite, before
from regrad.codemods.engine.rule import Mending, Safety


class Hidden(NamedTuple):
    """A model inside the one that is trained, the freeze of it, and what was switched on in it without effect."""

    training: Training
    nested: Network
    freeze: Freeze
    switched: tuple[TrainableSet, ...]
    settled: bool
    """Whether each of its layers gets a flag of its own behind the freeze."""


def hidden_layers(program: Program, switches: Switches) -> Iterator[Hidden]:
    """What Keras 2 leaves out; Keras 3 asks each weight, and the flag of the model that is trained, alone."""
    if program.keras != 2:
        return
    moved = trainings.updated(program)
    seen: set[int] = set()
    for training in trainings.trainings(program):
        if not training.trained or training.own_step:
            continue
        opened = spread(training.owner) if isinstance(training.owner, Network) else set()
        for nested in trainings.inside(training.owner)[1:]:
            if not isinstance(nested, Network) or id(nested) in moved | opened | seen:
                continue
            found = _hidden_in(program, training, nested, switches, moved)
            if found is not None and not freshness.given_away(program, trainings.inside(training.owner)):
                seen.add(id(nested))
                yield found


def _hidden_in(
    program: Program, training: Training, nested: Network, switches: Switches, moved: set[int]
) -> Hidden | None:
    began = training.event.serial
    freeze = switches.off(nested, began)
    if freeze is None or freeze.event is None or freeze.owner is not nested:
        return None
    later = switches.switched_on([nested], freeze.serial)
    if later or not in_order(freeze.frame, training.event.frame):
        return None
    if any(id(part) in moved for part in trainings.inside(nested)):
        return None
    behind = [event for event in program.of(TrainableSet) if freeze.serial < event.serial < began]
    own = [event for event in behind if _is_inside(program, event, nested, freeze)]
    switched = tuple(
        event for event in own if _is_last(event, own) and _switches_on(program, event) and _weighs(program, event)
    )
    if not switched:
        return None
    return Hidden(training, nested, freeze, switched, _settled(program, nested, own))


def _is_inside(program: Program, event: TrainableSet, nested: Network, freeze: Freeze) -> bool:
    """Whether the flag is that of one of its layers; a slice of a library model's layers tells so by its spelling."""
    owner = event.owner
    if owner is nested.fields.get("#each") or any(owner is part for part in sublayers(nested)):
        return True
    if not isinstance(owner, Layer) or owner.kind != "?some" or event.frame is not freeze.frame:
        return False
    loop = _loop(program, event)
    model = _model_of(loop) if loop is not None else None
    return (
        model is not None
        and isinstance(freeze.node, ast.Attribute)
        and ast.unparse(model) == ast.unparse(freeze.node.value)
    )


def _is_last(event: TrainableSet, others: Iterable[TrainableSet]) -> bool:
    """Whether nothing sets the same layer afterwards; the layers of a library model are one to the reader."""
    kind = event.owner.kind if isinstance(event.owner, Layer) else ""
    return kind.startswith("?") or all(each.owner is not event.owner or each.serial <= event.serial for each in others)


def _switches_on(program: Program, event: TrainableSet) -> bool:
    """Whether the flag becomes True at some layer: what is asked of each layer of a loop does so."""
    statement, loop = program.statement(event.node, event.frame.path), _loop(program, event)
    if isinstance(event.value, Unknown) and isinstance(statement, ast.Assign) and loop is not None:
        named = {each.id for each in ast.walk(loop.target) if isinstance(each, ast.Name)}
        return any(isinstance(each, ast.Name) and each.id in named for each in ast.walk(statement.value))
    return _on(event.value)


def _on(value: Value) -> bool:
    """Whether the flag is True, or becomes so at some layer of the loop."""
    if isinstance(value, Union_):
        return any(_on(each) for each in value.alternatives)
    return isinstance(value, Constant) and value.value is True


def _weighs(program: Program, event: TrainableSet) -> bool:
    """Whether gradients would move it: the flag of a normalisation says as well how it takes its statistics, and does
    that whatever the model's flag is.
    """
    owner = event.owner
    if isinstance(owner, Layer) and not owner.kind.startswith("?"):
        return freshness.has_weights(owner) and owner.kind not in NORMALISATION
    parents = program.parents(event.frame.path)
    current = parents.get(event.node)
    while current is not None and not isinstance(current, (ast.For, ast.FunctionDef, ast.AsyncFunctionDef)):
        if isinstance(current, ast.If):
            asked = ast.unparse(current.test).lower()
            if "norm" in asked or "bn" in asked:
                return False
        current = parents.get(current)
    return True


def _settled(program: Program, nested: Network, own: list[TrainableSet]) -> bool:
    layers = sublayers(nested)
    if layers and nested.form != "opaque":
        return all(
            any(event.owner is layer for event in own)
            for layer in layers
            if isinstance(layer, Network) or (isinstance(layer, Layer) and freshness.has_weights(layer))
        )
    loops = [loop for event in own if (loop := _loop(program, event)) is not None]
    return any(isinstance(loop.iter, ast.Attribute) and _sets_always(loop.body) for loop in loops)


def _sets_always(body: list[ast.stmt]) -> bool:
    return any(
        (
            isinstance(each, ast.Assign)
            and any(isinstance(target, ast.Attribute) and target.attr == "trainable" for target in each.targets)
        )
        or (isinstance(each, ast.If) and _sets_always(each.body) and _sets_always(each.orelse))
        for each in body
    ) and not any(isinstance(inner, (ast.Break, ast.Continue)) for each in body for inner in ast.walk(each))


def _loop(program: Program, event: TrainableSet) -> ast.For | None:
    """The loop over the layers that sets the flag."""
    parents = program.parents(event.frame.path)
    current = parents.get(event.node)
    while current is not None and not isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if isinstance(current, ast.For) and _model_of(current) is not None:
            return current
        current = parents.get(current)
    return None


def _model_of(loop: ast.For) -> ast.expr | None:
    """`model` of `for layer in model.layers` or of a part of those."""
    layers = loop.iter.value if isinstance(loop.iter, ast.Subscript) else loop.iter
    return layers.value if isinstance(layers, ast.Attribute) and layers.attr == "layers" else None


def opened(program: Program, hidden: Hidden) -> Mending:
    """The model's own flag is on, and its layers' flags say which of them train; raises `CannotMove`."""
    first = min(hidden.switched, key=lambda event: event.serial)
    path = first.frame.path
    loop = _loop(program, first)
    model = _model_of(loop) if loop is not None else None
    if loop is None or not isinstance(model, (ast.Name, ast.Attribute)):
        raise CannotMove("the layers are not switched on in a loop over those of the model")
    text = program.source(model, path)
    rewrite = Rewrite(program.files[path], program.trees[path])
    statement = program.statement(hidden.freeze.node, hidden.freeze.frame.path)
    beside = hidden.freeze.frame is first.frame and isinstance(statement, ast.Assign)
    one_by_one = f"for layer in {text}.layers:\n    layer.trainable = False"
    if beside and isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        if hidden.settled and isinstance(statement.value, ast.Constant):
            rewrite.replace(statement.value, "True")
        else:
            rewrite.replace(statement, one_by_one)
    else:
        lines = f"{text}.trainable = True"
        rewrite.insert(lines if hidden.settled else f"{lines}\n{one_by_one}", before(loop))
    return Mending(
        f"switch `{text}` on before its layers",
        Safety.UNSAFE,
        rewrite.edits(),
        "its layers' own flags say which of them train",
    )
