"""RG202 untrained-layer-frozen: a freshly initialised layer is switched off before anything has trained it.

What it does
------------
Reports a layer whose weights start from random numbers, that is frozen (`layer.trainable = False`, `trainable=False`
in its constructor, a loop over `model.layers`) when the rest of its model is trained, and that nothing in the program
ever trains or gives weights to. One report for each place that freezes.

Why gradients stop
------------------
A frozen layer is left out of `trainable_variables`, so no optimizer moves it. The program runs without a warning, and
the layer stays the random projection that its initializer drew: the layers behind it learn from noise.

Example
-------
Broken::

    hidden, head = layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((20,)), hidden, head])
    model.layers[0].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y)

Mended::

    hidden, head = layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((20,)), hidden, head])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y)

The fix and its safety
----------------------
The freeze is taken out: the assignment (with the loop or condition that held nothing else) or the argument. Unsafe,
since more weights move than before. Where the same statement also freezes weights that may be worth keeping, nothing
is offered.

When it stays silent
--------------------
When the layer, or what holds it, is trained, switched on again, loaded, or handed to a function that is not known;
when its weights are given (`weights=`, `embeddings_initializer=Constant(matrix)`, `set_weights`, `assign`);
normalisation layers, and embeddings, whose table is often looked up and not learned; a model inside another one that
is frozen as a unit, at once or layer by layer, which marks it as ready, also where its layers are wired into the
trained one; a loop that says of each layer whether it is to move, or two, one for each side of a list; layers of the
program's own classes that freeze themselves, or what they were handed; a constructor that names both an initializer
and `trainable=False`; a recurrent layer whose recurrent weights are given an initializer, as a reservoir's are;
programs that speak of random features, reservoirs or the like, or assert what is frozen. What things are called does
not matter.

References
----------
- Keras, "Transfer learning & fine-tuning", on what `trainable` does.
- regrad, facts: measured behaviour, 5 to 7.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from regrad.analysis import freshness, intentions, trainings
from regrad.analysis.cut import CutKind
from regrad.analysis.frames import Frame, Scope, in_order
from regrad.analysis.library.keras_layers import NORMALISATION
from regrad.analysis.location import Location
from regrad.analysis.program import Program
from regrad.analysis.trainings import Freeze, Training
from regrad.analysis.values import Instance, Layer, Network, Unknown, Value
from regrad.analysis.weights import describe
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld


class Evidence(NamedTuple):
    """The freeze, and what else it freezes that may be worth keeping."""

    freeze: Freeze
    kept: tuple[str, ...]
    layers: tuple[str, ...]


def detect(program: Program) -> Iterable[Finding]:
    found = [
        training
        for training in trainings.trainings(program)
        if training.frozen and not training.own_step and any(not isinstance(part, Unknown) for part in training.trained)
    ]
    if not found or any(
        ask(program) for ask in (freshness.weights_may_come, intentions.asserted, intentions.stands_in)
    ):
        return
    switches = trainings.Switches(program)
    moved = trainings.updated(program)
    groups: dict[Location, tuple[Freeze, Training, list[Layer]]] = {}
    for training in found:
        for part in training.frozen:
            freeze = _disease(program, training, part, switches, moved)
            if freeze is None or not isinstance(part, Layer):
                continue
            _, _, layers = groups.setdefault(program.location(freeze.node, freeze.frame), (freeze, training, []))
            if all(part is not known for known in layers):
                layers.append(part)
    for location, (freeze, training, layers) in groups.items():
        names = tuple(dict.fromkeys(describe(layer) for layer in layers))
        kept = tuple(dict.fromkeys(_kept(switches, freeze, layers, moved)))
        yield Finding(
            RULE.code,
            RULE.name,
            f"{_listed(names)} {'start' if len(names) > 1 else 'starts'} from random weights"
            f" and {'are' if len(names) > 1 else 'is'} frozen here: nothing ever trains"
            f" {'them' if len(names) > 1 else 'it'}, so the layers behind learn from noise",
            location,
            CutKind.NOT_TRAINABLE,
            names,
            (Related(program.location(training.event.node, training.event.frame), "the training that leaves it out"),),
            Evidence(freeze, kept, names),
        )


def _disease(
    program: Program, training: Training, part: Value, switches: trainings.Switches, moved: set[int]
) -> Freeze | None:
    """The one place that wrongly keeps this layer from being trained."""
    if not freshness.fresh(part) or id(part) in moved or not isinstance(part, Layer):
        return None
    way = trainings.chain(training.owner, part)
    freezes = switches.freezes(training.owner, part, training.event.serial)
    if len(freezes) != 1 or switches.switched_on(way, freezes[0].serial):
        return None
    freeze = freezes[0]
    if freeze.owner is training.owner:
        # All of it is switched off: nothing is left to train (RG201), or the flag came too late (RG203).
        return None
    if not in_order(freeze.frame, training.event.frame):
        return None
    if intentions.random_meant(program) or "recurrent_initializer" in part.arguments:
        return None
    if freeze.event is None and freshness.states_initializer(part):
        return None
    if part.kind in _TABLES:
        return None
    if freeze.event is not None and (
        _is_unit(freeze.owner, training.owner)
        or _handed_in(freeze, part)
        or _all_of_a_unit(freeze, way, switches)
        or _chooses(program, freeze)
    ):
        return None
    if freshness.given_away(program, way) or any(
        isinstance(value, Network) and value.form == "opaque" for value in way
    ):
        return None
    return freeze


_TABLES = frozenset({"Embedding"})


def _is_unit(frozen: Value, trained: Value) -> bool:
    """Whether what was frozen is a model of its own, inside the one that is trained: its author takes it for ready."""
    return frozen is not trained and isinstance(frozen, (Network, Instance))


def _all_of_a_unit(freeze: Freeze, way: list[Value], switches: trainings.Switches) -> bool:
    """Whether the same place freezes every layer of a model, one by one: one inside the one that is trained, or one
    that has a name there and shares its layers with it.
    """
    covered = {id(value) for event in switches.at(freeze.node) for value in trainings.inside(event.owner)}
    named = [value for value in _known_at(freeze.frame) if value is not way[0]]
    for unit in (*way[1:-1], *named):
        if isinstance(unit, (Network, Instance)):
            weighty = [
                value for value in trainings.inside(unit) if isinstance(value, Layer) and freshness.has_weights(value)
            ]
            if any(value is way[-1] for value in weighty) and all(id(value) in covered for value in weighty):
                return True
    return False


def _known_at(frame: Frame) -> Iterable[Value]:
    scope: Scope | None = frame.scope
    while scope is not None:
        yield from scope.names.values()
        scope = scope.parent


def _chooses(program: Program, freeze: Freeze) -> bool:
    """Whether a loop goes through layers and says of each whether it is to move: its author has weighed them all.

    So do two loops, one over each side of the same list.
    """
    path = freeze.frame.path
    statement = program.statement(freeze.node, path)
    if isinstance(statement, ast.Assign) and not isinstance(statement.value, ast.Constant):
        return True
    parents = program.parents(path)
    current = parents.get(freeze.node)
    while current is not None and not isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if isinstance(current, (ast.For, ast.While)) and any(
            isinstance(each, ast.Assign)
            and any(isinstance(target, ast.Attribute) and target.attr == "trainable" for target in each.targets)
            and not (isinstance(each.value, ast.Constant) and not each.value.value)
            for each in ast.walk(current)
        ):
            return True
        if isinstance(current, ast.For) and _has_counterpart(current, parents):
            return True
        current = parents.get(current)
    return False


def _has_counterpart(loop: ast.For, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether the loop beside it switches the other side of the same list on: `[:7]` here, `[7:]` there."""
    if not isinstance(loop.iter, ast.Subscript) or not isinstance(loop.iter.slice, ast.Slice):
        return False
    whole, side = ast.unparse(loop.iter.value), loop.iter.slice
    around = parents.get(loop)
    beside = [each for body in ("body", "orelse") for each in getattr(around, body, ()) if isinstance(each, ast.For)]
    for other in beside:
        if other is loop or not isinstance(other.iter, ast.Subscript) or not isinstance(other.iter.slice, ast.Slice):
            continue
        there = other.iter.slice
        adjoining = _begins_where_ends(side, there) or _begins_where_ends(there, side)
        if adjoining and ast.unparse(other.iter.value) == whole and _switches_on(other):
            return True
    return False


def _begins_where_ends(one: ast.Slice, other: ast.Slice) -> bool:
    if one.lower is not None or other.upper is not None or one.upper is None or other.lower is None:
        return False
    return ast.unparse(one.upper) == ast.unparse(other.lower)


def _switches_on(loop: ast.For) -> bool:
    return any(
        isinstance(each, ast.Assign)
        and isinstance(each.value, ast.Constant)
        and each.value.value is True
        and any(isinstance(target, ast.Attribute) and target.attr == "trainable" for target in each.targets)
        for each in ast.walk(loop)
    )


def _handed_in(freeze: Freeze, part: Layer) -> bool:
    """Whether an object freezes what it is, or what it was given ready, as an adapter does."""
    this = freeze.frame.this
    if not isinstance(this, Instance):
        return False
    frame = part.frame
    while frame is not None:
        if frame.this is this:
            return False
        frame = frame.caller
    return True


def _kept(switches: trainings.Switches, freeze: Freeze, layers: list[Layer], moved: set[int]) -> Iterable[str]:
    """What else the same place freezes and is not to be unfrozen along with it."""
    if freeze.event is None:
        return
    for event in switches.at(freeze.node):
        for value in trainings.inside(event.owner):
            if isinstance(value, Network):
                kept = value.form == "opaque"
            elif isinstance(value, Layer) and freshness.has_weights(value) and value.kind not in NORMALISATION:
                meant = any(value is layer for layer in layers)
                kept = not meant and (not freshness.fresh(value) or id(value) in moved)
            else:
                kept = False
            if kept:
                yield describe(value)


def _listed(names: tuple[str, ...]) -> str:
    quoted = [f"`{name}`" for name in names]
    if len(quoted) > 4:
        return f"{', '.join(quoted[:3])} and {len(quoted) - 3} more layers"
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine import unfreezing
    from regrad.codemods.engine.moving import CannotMove

    evidence: Evidence = finding.evidence
    if evidence.kept:
        return Withheld(
            f"the same statement also freezes {_listed(evidence.kept)}, whose weights may be worth keeping",
            "\n".join(f"{name}.trainable = True" for name in evidence.layers),
        )
    try:
        edits = unfreezing.taken_back(program, evidence.freeze)
    except CannotMove as problem:
        return Withheld(str(problem), "layer.trainable = True")
    return [Mending("let the layer train", Safety.UNSAFE, edits, "weights move that did not move before")]


RULE = Rule(
    "RG202", "untrained-layer-frozen", "unsafe", "Weights are trained that were not trained before.", detect, mend
)
