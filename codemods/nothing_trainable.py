"""RG201 nothing-trainable: every weight is switched off when training starts.

What it does
------------
Reports a training that has nothing to train: every layer of the model was frozen, or the model's own flag was, which
overrides the flags of the layers inside it. Also, in Keras 2, layers that are switched on inside a model of which
another one is made, while that inner model's own flag is off.

Why gradients stop
------------------
`fit` and `tape.gradient` differentiate by `trainable_variables`. Setting `model.trainable = False` hands the flag
down, and as long as the model's own flag is off the list stays empty, whatever its layers say: setting a layer's flag
never changes the model's. Keras 3 warns "The model does not have any trainable weights" and goes on;
`apply_gradients` of an empty list raises "not enough values to unpack"; Keras 2 says nothing at all. A model inside
another one counts like a layer: in Keras 2 its flag keeps what it holds out of the list, in Keras 3 it does not.

Example
-------
Broken::

    model.trainable = False
    for layer in model.layers:
        layer.trainable = layer.name.startswith("head")
    model.compile("adam", "categorical_crossentropy")
    model.fit(x, y)

Mended::

    model.trainable = True
    for layer in model.layers:
        layer.trainable = layer.name.startswith("head")
    model.compile("adam", "categorical_crossentropy")
    model.fit(x, y)

The fix and its safety
----------------------
Where layers are switched on behind the model's flag, the model's flag is set to True if every layer gets a flag of
its own afterwards; otherwise the layers are frozen one by one instead of the model. Where a loop waits for a layer
name that the model does not have, or for a beginning that no name has, the nearest is put in where that is written.
Where everything is fresh, the freeze is taken out.
Pretrained weights stay frozen: the freeze is narrowed to them, or nothing is offered. Where a call hands the flag to
a function that freezes (`requires_grad(model, False)`), the call is made for the one model inside, or taken out. Where
another model contains what is frozen and is trained too (a GAN), the freeze is moved behind the model's own `compile`
and the flag set before each step, as RG203 does; without a `compile` beside it nothing is rewritten. Unsafe, since
weights move that did not move before.

When it stays silent
--------------------
When the model's class has its own `train_step`; when a model inside another one has its flag off and the program is
not known to use Keras 2, or only the flags of normalisations are set in it; when not all of its weights are known;
when the same weights are trained or switched on elsewhere in the program (a GAN, training in phases, see RG203);
programs that assert what is frozen.

References
----------
- Keras, "Transfer learning & fine-tuning", "Recursive setting of the trainable attribute".
- https://github.com/GantMan/nsfw_model/issues/33
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from regrad.analysis import freshness, intentions, trainings
from regrad.analysis.cut import CutKind
from regrad.analysis.events import Trained
from regrad.analysis.frames import in_order
from regrad.analysis.program import Program
from regrad.analysis.trainings import Freeze, Training
from regrad.analysis.values import Constant, Layer, Network, Value
from regrad.analysis.weights import describe, sublayers
from regrad.codemods.engine import absent_name, handed_flag, hidden_layers
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.hidden_layers import Hidden
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Related, Rule, Safety, Withheld


class Evidence(NamedTuple):
    """The places that froze the model, and the layers that were switched on behind them without effect."""

    training: Training
    freezes: tuple[Freeze, ...]
    overridden: tuple[Value, ...]
    switches: trainings.Switches
    calls: tuple[handed_flag.Handed, ...] = ()
    """The calls that hand the flag to the place which sets it."""
    held_by: tuple[Trained, ...] = ()
    """The trainings of other models that hold what is frozen: for them the freeze may be meant."""


def detect(program: Program) -> Iterable[Finding]:
    yield from _nothing_at_all(program)
    if program.keras == 2 and not intentions.asserted(program):
        yield from _hidden(program)


def _hidden(program: Program) -> Iterable[Finding]:
    """Layers of a model inside another one, switched on behind the flag of that model."""
    for hidden in hidden_layers.hidden_layers(program, trainings.Switches(program)):
        event = hidden.switched[0]
        yield Finding(
            RULE.code,
            RULE.name,
            f"the flag of `{describe(hidden.nested)}` is off and overrides the layers switched on behind it",
            program.location(program.statement(event.node, event.frame.path) or event.node, event.frame),
            CutKind.NOT_TRAINABLE,
            tuple(dict.fromkeys(describe(each.owner) for each in hidden.switched if isinstance(each.owner, Layer))),
            (
                Related(program.location(hidden.freeze.node, hidden.freeze.frame), "the flag is set here"),
                Related(
                    program.location(hidden.training.event.node, hidden.training.event.frame),
                    "the training that leaves them out",
                ),
            ),
            hidden,
        )


def _nothing_at_all(program: Program) -> Iterable[Finding]:
    found = [training for training in trainings.trainings(program) if _nothing(training)]
    if not found or intentions.asserted(program):
        return
    switches = trainings.Switches(program)
    moved = trainings.updated(program)
    seen: set[object] = set()
    for training in found:
        parts = [part for part in training.frozen if _matters(part)]
        if (
            not parts
            or any(id(part) in moved for part in parts)
            or switches.switched_on(trainings.inside(training.owner), training.event.serial)
        ):
            continue
        if trainings.unknown_inside(program, training.owner):
            continue
        before = training.event.serial
        each = [switches.freezes(training.owner, part, before) for part in parts]
        if not all(each):
            continue
        freezes = _distinct(freeze for several in each for freeze in several)
        if not all(in_order(freeze.frame, training.event.frame) for freeze in freezes):
            continue
        if _compiled_before(training, freezes) or freshness.given_away(program, trainings.inside(training.owner)):
            continue
        overridden = tuple(
            part
            for part in parts
            if any(event.owner is part and _on(event.value) for event in switches.settings(part))
            and switches.off(part, before) is None
        )
        main = freezes[0]
        calls = handed_flag.handed_by(training, parts, switches)
        place, frame = (calls[0].call, calls[0].frame) if calls else (main.node, main.frame)
        location = program.location(program.statement(place, frame.path) or place, frame)
        if location in seen:
            continue
        seen.add(location)
        behind = (
            f": the flag of the whole overrides the {len(overridden)} layer{'s' if len(overridden) > 1 else ''}"
            " switched on behind it"
            if overridden
            else ""
        )
        yield Finding(
            RULE.code,
            RULE.name,
            f"nothing is left to train in `{describe(training.owner)}`{behind}",
            location,
            CutKind.NOT_TRAINABLE,
            tuple(dict.fromkeys(describe(part) for part in parts)),
            (
                Related(
                    program.location(training.event.node, training.event.frame),
                    "the training that has nothing to train",
                ),
                *((Related(program.location(main.node, main.frame), "the flag is set here"),) if calls else ()),
            ),
            Evidence(training, freezes, overridden, switches, tuple(calls), _held_by(program, training, parts)),
        )


def _held_by(program: Program, training: Training, parts: list[Value]) -> tuple[Trained, ...]:
    """The trainings of models that contain this one, or all that is frozen of it."""
    if any(isinstance(part, Layer) and part.fields.get("#loaded") for part in parts):
        return ()
    wanted = {id(part) for part in parts}
    found = []
    for event in program.of(Trained):
        held = {id(value) for value in trainings.inside(event.model)}
        if event.model is not training.owner and (id(training.owner) in held or wanted <= held):
            found.append(event)
    return tuple(found)


def _nothing(training: Training) -> bool:
    return (
        bool(training.frozen)
        and not training.trained
        and training.complete
        and training.built
        and not training.own_step
    )


def _matters(part: Value) -> bool:
    return isinstance(part, Network) or (isinstance(part, Layer) and freshness.has_weights(part))


def _on(value: Value) -> bool:
    return not isinstance(value, Constant) or bool(value.value)


def _distinct(freezes: Iterable[Freeze]) -> tuple[Freeze, ...]:
    found: list[Freeze] = []
    for freeze in freezes:
        if all(freeze.node is not other.node for other in found):
            found.append(freeze)
    return tuple(sorted(found, key=lambda freeze: freeze.serial))


def _compiled_before(training: Training, freezes: tuple[Freeze, ...]) -> bool:
    """Whether the model was compiled while it still trained: what happens then is the matter of RG203."""
    event = training.event
    if not isinstance(event, Trained) or event.compilation is None:
        return False
    compiled = event.compilation.serial
    return any(freeze.serial > compiled for freeze in freezes)


# -- mending -----------------------------------------------------------------------------------------------------------


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.moving import CannotMove

    evidence: Evidence | Hidden = finding.evidence
    try:
        if isinstance(evidence, Hidden):
            return [hidden_layers.opened(program, evidence)]
        if evidence.held_by:
            from regrad.codemods.engine.frozen_for_others import frozen_for_others

            return [frozen_for_others(program, evidence.training, evidence.freezes, evidence.held_by)]
        if evidence.overridden:
            return [_let_through(program, evidence)]
        renamed = absent_name.another_name(program, evidence.training, evidence.freezes)
        if renamed:
            return renamed
        if len(evidence.calls) == 1:
            return [handed_flag.narrowed(program, evidence.calls[0], evidence.training)]
        return [_unfrozen(program, evidence)]
    except CannotMove as problem:
        freeze = evidence.freeze if isinstance(evidence, Hidden) else evidence.freezes[0]
        return Withheld(
            str(problem),
            f"{_spelling(program, freeze)}.trainable = True  # then freeze what shall stay as it is, layer by layer",
        )


def _spelling(program: Program, freeze: Freeze) -> str:
    if isinstance(freeze.node, ast.Attribute):
        return program.source(freeze.node.value, freeze.frame.path)
    return "model"


def _let_through(program: Program, evidence: Evidence) -> Mending:
    """The model's flag gives way to those of its layers."""
    from regrad.codemods.engine import unfreezing
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    before = evidence.training.event.serial
    outer = [
        freeze for freeze in evidence.freezes if not any(freeze.owner is part for part in evidence.training.frozen)
    ]
    holding = {id(part) for freeze in outer for part in sublayers(freeze.owner)}
    if len(outer) != 1 or not all(id(part) in holding for part in evidence.overridden):
        raise CannotMove("several flags lie above the layers that were switched on")
    freeze = outer[0]
    path = freeze.frame.path
    statement = unfreezing.freezing_statement(program, freeze.node, freeze.frame)
    direct = [part for part in sublayers(freeze.owner) if _matters(part)]
    settled = all(
        any(event.owner is part and freeze.serial < event.serial < before for event in evidence.switches.settings(part))
        for part in direct
    )
    rewrite = Rewrite(program.files[path], program.trees[path])
    if settled:
        rewrite.replace(statement.value, "True")
        return Mending(
            "leave it to the layers' own flags",
            Safety.UNSAFE,
            rewrite.edits(),
            "each layer gets its own flag afterwards",
        )
    owner = statement.targets[0]
    assert isinstance(owner, ast.Attribute)
    text = program.source(owner.value, path)
    rewrite.replace(statement, f"for layer in {text}.layers:\n    layer.trainable = False")
    return Mending(
        "freeze the layers one by one",
        Safety.UNSAFE,
        rewrite.edits(),
        "what was not switched on again stays frozen, but the model's own flag no longer overrides the rest",
    )


def _unfrozen(program: Program, evidence: Evidence) -> Mending:
    """Everything fresh trains; what is pretrained stays frozen."""
    from regrad.codemods.engine import edits as editing
    from regrad.codemods.engine import unfreezing
    from regrad.codemods.engine.moving import CannotMove

    borrowed: list[Value] = [
        part
        for part in evidence.training.frozen
        if isinstance(part, Network) or (isinstance(part, Layer) and part.fields.get("#loaded"))
    ]
    if borrowed:
        return _narrowed(program, evidence, borrowed)
    made: list[Edit] = []
    for freeze in evidence.freezes:
        own = unfreezing.taken_back(program, freeze)
        if editing.conflict(made, own):
            raise CannotMove("the freezes stand too close together")
        made.extend(own)
    return Mending("let the layers train", Safety.UNSAFE, tuple(made), "weights move that did not move before")


def _narrowed(program: Program, evidence: Evidence, borrowed: list[Value]) -> Mending:
    """The freeze of the whole becomes one of the pretrained part alone, or goes where that part is frozen already."""
    from regrad.codemods.engine import unfreezing
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    fresh = [part for part in evidence.training.frozen if freshness.fresh(part)]
    if not fresh:
        raise CannotMove("all of it is pretrained; which layers shall be tuned is the author's choice")
    if len(evidence.freezes) != 1 or len(borrowed) != 1:
        raise CannotMove("what is pretrained and what is new are frozen at several places")
    freeze = evidence.freezes[0]
    path = freeze.frame.path
    if freeze.owner is not borrowed[0] and evidence.switches.off(borrowed[0], freeze.serial) is not None:
        kept = "what is pretrained was frozen before and stays so; the layers that were added to it train"
        return Mending("let the added layers train", Safety.UNSAFE, unfreezing.taken_back(program, freeze), kept)
    base = _named(program, borrowed[0], path)
    statement = program.statement(freeze.node, path)
    rewrite = Rewrite(program.files[path], program.trees[path])
    loop = program.parents(path).get(statement) if statement is not None else None
    if isinstance(loop, ast.For) and isinstance(loop.iter, ast.Attribute) and loop.iter.attr == "layers":
        rewrite.replace(loop.iter.value, base)
    elif isinstance(freeze.node, ast.Attribute) and freeze.owner is evidence.training.owner:
        rewrite.replace(freeze.node.value, base)
    else:
        raise CannotMove("the freeze is not of a form that can be narrowed")
    return Mending(
        f"freeze `{base}` alone",
        Safety.UNSAFE,
        rewrite.edits(),
        "the layers that were added to it train; it stays as it is",
    )


def _named(program: Program, value: Value, path: str) -> str:
    """The name that the pretrained part was given where it was made."""
    from regrad.codemods.engine.moving import CannotMove

    node = getattr(value, "node", None)
    frame = getattr(value, "frame", None)
    statement = program.statement(node, path) if node is not None and frame is not None and frame.path == path else None
    bound = binding(statement, node)
    if bound is not None:
        return bound.target.id
    raise CannotMove("the pretrained part has no name here")


RULE = Rule("RG201", "nothing-trainable", "unsafe", "Weights are trained that were not trained before.", detect, mend)
