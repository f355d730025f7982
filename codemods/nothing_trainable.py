"""RG201 nothing-trainable: every weight is switched off when training starts.

What it does
------------
Reports a training that has nothing to train: every layer of the model was frozen, or the model's own flag was, which
overrides the flags of the layers inside it.

Why gradients stop
------------------
`fit` and `tape.gradient` differentiate by `trainable_variables`. Setting `model.trainable = False` hands the flag
down, and as long as the model's own flag is off the list stays empty, whatever its layers say: setting a layer's flag
never changes the model's. Keras 3 warns "The model does not have any trainable weights" and goes on;
`apply_gradients` of an empty list raises "not enough values to unpack"; Keras 2 says nothing at all.

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
When the model's class has its own `train_step`; when not all of its weights are known; when the same weights are
trained or switched on elsewhere in the program (a GAN, training in phases, see RG203); programs that assert what is
frozen.

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
from regrad.codemods.engine import absent_name, handed_flag
from regrad.codemods.engine.binding import binding
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

    evidence: Evidence = finding.evidence
    try:
        if evidence.held_by:
            return [_frozen_for_the_others(program, evidence)]
        if evidence.overridden:
            return [_let_through(program, evidence)]
        renamed = absent_name.another_name(program, evidence.training, evidence.freezes)
        if renamed:
            return renamed
        if len(evidence.calls) == 1:
            return [handed_flag.narrowed(program, evidence.calls[0], evidence.training)]
        return [_unfrozen(program, evidence)]
    except CannotMove as problem:
        return Withheld(
            str(problem),
            f"{_spelling(program, evidence)}.trainable = True  # then freeze what shall stay as it is, layer by layer",
        )


def _frozen_for_the_others(program: Program, evidence: Evidence) -> Mending:
    """The freeze comes behind the model's own `compile`, where it holds for the models that contain it (Keras 2), and
    the flag is set before each step (Keras 3).
    """
    from regrad.codemods.engine.flag_at_each_step import toggled
    from regrad.codemods.engine.moving import CannotMove, Rewrite, after
    from regrad.codemods.engine.surroundings import block_of, index_in

    event, owner = evidence.training.event, evidence.training.owner
    compiled = event.compilation if isinstance(event, Trained) else None
    if compiled is None or compiled.node is None or not isinstance(compiled.node.func, ast.Attribute):
        raise CannotMove("it is frozen for another model that contains it, too, and its `compile` is not known")
    if len(evidence.freezes) != 1:
        raise CannotMove("it is frozen for another model that contains it, too; when it shall train is not certain")
    freeze = evidence.freezes[0]
    path = freeze.frame.path
    statement = _whole(program, freeze, path)
    compiling = program.statement(compiled.node, path) if compiled.frame.path == path else None
    block = block_of(program, statement, path)
    first, last = index_in(block, statement), index_in(block, compiling) if compiling is not None else None
    if freeze.event is None or first is None or last is None or last < first or freeze.frame is not compiled.frame:
        raise CannotMove("it is frozen for another model that contains it, too, and not beside its own `compile`")
    own = [each for each in program.of(Trained) if each.model is owner]
    if any(each.own_step for each in own) or any(each.frame.path != path for each in own):
        raise CannotMove("the model is trained in several files")
    if any(_between(each, block[first : last + 1]) for each in (*own, *evidence.held_by)):
        raise CannotMove("a training stands between the freeze and `compile`")
    rewrite = Rewrite(program.files[path], program.trees[path])
    if freeze.owner is owner:
        rewrite.move([statement], after(block[last]))
    else:
        # Keras 3 passes on to the layers what changes the model's own flag, and nothing else.
        rewrite.remove([statement])
        rewrite.insert(f"{program.source(compiled.node.func.value, path)}.trainable = False", after(block[last]))
    toggled(program, rewrite, own, evidence.held_by)
    why = "it trains by itself, and stands still where a model that contains it is trained"
    return Mending("freeze it behind its own `compile`", Safety.UNSAFE, rewrite.edits(), why)


def _whole(program: Program, freeze: Freeze, path: str) -> ast.stmt:
    """The statement of a freeze, with the loop over layers that holds nothing else."""
    from regrad.codemods.engine.moving import CannotMove

    statement = program.statement(freeze.node, path)
    if not isinstance(statement, ast.Assign):
        raise CannotMove("the flag is not set by a plain assignment")
    parent = program.parents(path).get(statement)
    return parent if isinstance(parent, ast.For) and parent.body == [statement] and not parent.orelse else statement


def _between(event: Trained, statements: list[ast.stmt]) -> bool:
    return any(inner is event.node for statement in statements for inner in ast.walk(statement))


def _spelling(program: Program, evidence: Evidence) -> str:
    freeze = evidence.freezes[0]
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
