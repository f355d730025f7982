"""RG203 stale-trainable: a `trainable` flag is changed when the training step no longer, or not yet, looks at it.

What it does
------------
Reports three things. A model that is compiled, then switched off, then trained itself: the GAN idiom, in which the
discriminator is frozen for the combined model and never switched on again. A flag that changes after the first step
without a new `compile`, so that the next `fit`, or the next pass of a loop over stages, goes on as before. And a
callback that changes a flag of its model, or of the part of it that the callback was handed, in the middle of a
training.

Why gradients stop
------------------
Keras 3 reads `trainable` when the training step is traced, that is at the first `fit` or `train_on_batch` after
`compile`. What was switched off after `compile` but before that is not trained at all; Keras warns "The model does
not have any trainable weights" and goes on. What changes after that step changes nothing until the next `compile`.
Keras 2 took the flags at `compile`, so there the first idiom works; where the program does not say which Keras it
runs on, Keras 3 is assumed.

Example
-------
Broken::

    discriminator.compile("adam", "binary_crossentropy")
    discriminator.trainable = False
    gan = keras.Model(z, discriminator(generator(z)))
    gan.compile("adam", "binary_crossentropy")
    for images in batches:
        discriminator.train_on_batch(*mixed(images))
        gan.train_on_batch(noise(), ones)

Mended::

    for images in batches:
        discriminator.trainable = True
        discriminator.train_on_batch(*mixed(images))
        discriminator.trainable = False
        gan.train_on_batch(noise(), ones)

The fix and its safety
----------------------
The flag is set right before each step, which works under both generations; or the model is compiled again, with the
same arguments, after the flag has changed. Unsafe, since weights move that did not move before. A compilation whose
optimizer is an object that the program uses for other things too is not repeated: that object knows the old variables
only. For a callback, the training is parted in two, with a new compilation between them, where the epoch is known and
the callback does nothing else; otherwise that is the author's to do.

When it stays silent
--------------------
When the flags are the same at every step of a compilation, as in a GAN that toggles them; when another model is trained
between two passes of a loop, or a flag goes off behind the training of each pass; when the program runs on Keras 2 (for
the first idiom), says so, or uses what only Keras 2 has; models with their own `train_step`.

References
----------
- https://github.com/eriklindernoren/Keras-GAN/issues/91
- regrad, facts: measured behaviour, 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from regrad.analysis import freshness, generation, intentions, trainings
from regrad.analysis.cut import CutKind
from regrad.analysis.events import TrainableSet, Trained
from regrad.analysis.frames import Frame, in_order, place_in
from regrad.analysis.program import Program
from regrad.analysis.trainings import Freeze, Switches
from regrad.analysis.values import Constant, Layer, Network, Value
from regrad.analysis.weights import describe
from regrad.codemods.engine.midway import Midway, changes_midway
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld


class NeverOn(NamedTuple):
    """A model that was switched off between `compile` and its first step; `held_by` are the trainings of models
    that contain it.
    """

    freeze: Freeze
    own: tuple[Trained, ...]
    held_by: tuple[Trained, ...]


class NoRecompile(NamedTuple):
    """A training after flags have changed, without a new `compile`."""

    later: Trained
    change: TrainableSet
    same_place: bool
    """Whether one call trains both times, as in a function that is called twice; one step shows its first time only."""


def detect(program: Program) -> Iterable[Finding]:
    for statement, path, evidence in changes_midway(program):
        yield Finding(
            RULE.code,
            RULE.name,
            f"`{evidence.flag}` changes in the middle of a training,"
            " whose step was traced before and goes on as it was",
            program.location(statement, path),
            CutKind.NOT_TRAINABLE,
            (),
            (),
            evidence,
        )
    events = [event for event in program.of(Trained) if not event.own_step and event.compilation is not None]
    if not events:
        return
    switches = Switches(program)
    reported: set[object] = set()
    for finding in (*_never_on(program, events, switches), *_no_recompile(program, events, switches)):
        if finding.location not in reported:
            reported.add(finding.location)
            yield finding


def _never_on(program: Program, events: list[Trained], switches: Switches) -> Iterator[Finding]:
    if program.keras == 2 or generation.only_keras_2(program):
        return
    for event in events:
        compiled = event.compilation
        if event.sources or not event.complete or compiled is None or not any(_weighted(part) for part in event.frozen):
            continue
        freeze = switches.off(event.model, event.serial)
        if freeze is None or freeze.event is None or freeze.owner is not event.model or freeze.serial < compiled.serial:
            continue
        if not in_order(freeze.frame, event.frame):
            continue
        own = tuple(other for other in events if other.model is event.model)
        if (
            any(other.sources for other in own)
            or trainings.unknown_inside(program, event.model)
            or intentions.asserted(program)
        ):
            continue
        held_by = tuple(
            other
            for other in events
            if other.model is not event.model and any(part is event.model for part in trainings.inside(other.model))
        )
        if switches.switched_on([event.model], freeze.serial):
            continue
        name = describe(event.model)
        known = "" if program.keras_known else " under Keras 3, which is assumed here"
        yield Finding(
            RULE.code,
            RULE.name,
            f"`{name}` was compiled and then switched off, so this step trains nothing{known}",
            program.location(event.node, event.frame),
            CutKind.NOT_TRAINABLE,
            tuple(dict.fromkeys(describe(part) for part in event.frozen if _weighted(part))),
            (Related(program.location(freeze.node, freeze.frame), "switched off here"),),
            NeverOn(freeze, own, held_by),
        )
        return


def _no_recompile(program: Program, events: list[Trained], switches: Switches) -> Iterator[Finding]:
    for later in events:
        compiled = later.compilation
        if compiled is None:
            continue
        earlier = [
            event
            for event in events
            if event.model is later.model and event.compilation is compiled and event.serial < later.serial
        ]
        if not earlier:
            continue
        first = earlier[0]
        turns = not _apart(first, later)
        if turns and _others_between(events, first, later):
            continue
        before, now = {id(part) for part in first.sources}, {id(part) for part in later.sources}
        changed = [part for part in (*first.sources, *later.sources) if (id(part) in before) != (id(part) in now)]
        # What was made between the two steps is not a matter of flags.
        changed = [
            part
            for part in changed
            if _weighted(part)
            and (any(part is other for other in first.frozen) or any(part is other for other in later.frozen))
        ]
        if not changed or not first.complete or not later.complete:
            continue
        setting = [
            event
            for value in (*changed, *trainings.chain(later.model, changed[0]))
            for event in switches.settings(value)
            if first.serial < event.serial < later.serial
        ]
        if not all(in_order(event.frame, later.frame) for event in (first, *setting)):
            continue
        if not setting or intentions.asserted(program):
            continue
        if turns and not all(isinstance(event.value, Constant) for event in setting):
            continue
        last = max(setting, key=lambda event: event.serial)
        switched_on = id(changed[0]) in now
        if turns and not switched_on and not _leads_to(last, later):
            continue
        word = "switched on" if switched_on else "switched off"
        yield Finding(
            RULE.code,
            RULE.name,
            f"`{describe(changed[0])}` was {word} after the first step without a new `compile`,"
            " so this training goes on as before",
            program.location(later.node, later.frame),
            CutKind.NOT_TRAINABLE,
            tuple(dict.fromkeys(describe(part) for part in changed)),
            (Related(program.location(last.node, last.frame), "the flag changes here"),),
            NoRecompile(later, last, first.node is later.node),
        )


def _weighted(part: Value) -> bool:
    return isinstance(part, Network) or (isinstance(part, Layer) and freshness.has_weights(part))


def _others_between(events: list[Trained], first: Trained, later: Trained) -> bool:
    """Whether another model is trained between two passes of one loop: for its sake the flags may change, as in a GAN
    whose parts go on as they were traced.
    """
    return any(event.model is not later.model and first.serial < event.serial < later.serial for event in events)


def _leads_to(setting: TrainableSet, training: Trained) -> bool:
    """Whether a flag is set for the training that follows in the same pass, and not for what comes after the last."""
    here = place_in(setting.frame, setting.node, training.frame)
    return here is not None and getattr(here, "lineno", 0) < getattr(training.node, "lineno", 0)


def _apart(one: Trained, other: Trained) -> bool:
    """Whether these are two trainings, and not two passes of one loop: another place, or another call on the way."""
    return one.node is not other.node or _calls(one.frame) != _calls(other.frame)


def _calls(frame: Frame | None) -> list[int]:
    found: list[int] = []
    while frame is not None:
        found.append(id(frame.call))
        frame = frame.caller
    return found


# -- mending -----------------------------------------------------------------------------------------------------------


def mend(program: Program, finding: Finding) -> Mendings:
    from regrad.codemods.engine.moving import CannotMove

    evidence = finding.evidence
    if isinstance(evidence, Midway):
        from regrad.codemods.engine.parted_training import parted

        reason = "the flags change in the middle of a training, so that this one becomes two"
        try:
            edits = parted(program, evidence)
            # The callback acts in a later epoch: where the weights were trained before, no single step shows it.
            return [Mending("part the training in two", Safety.UNSAFE, edits, reason, seen_in_step=False)]
        except CannotMove as problem:
            withheld = str(problem)
        return Withheld(
            withheld,
            f"model.fit(...)  # up to here\n{evidence.flag.replace('self.', '', 1)} = ...\n"
            "model.compile(...)\nmodel.fit(...)",
        )
    try:
        if isinstance(evidence, NeverOn):
            return [_toggled(program, evidence)]
        return [_recompiled(program, evidence)]
    except CannotMove as problem:
        return Withheld(
            str(problem),
            "model.trainable = True\nmodel.train_on_batch(...)"
            if isinstance(evidence, NeverOn)
            else "model.compile(...)  # again, after the flags have changed",
        )


def _toggled(program: Program, evidence: NeverOn) -> Mending:
    from regrad.codemods.engine.flag_at_each_step import toggled
    from regrad.codemods.engine.moving import Rewrite

    path = evidence.own[0].frame.path
    rewrite = Rewrite(program.files[path], program.trees[path])
    toggled(program, rewrite, evidence.own, evidence.held_by)
    return Mending("set the flag before each step", Safety.UNSAFE, rewrite.edits(), "works under Keras 2 and 3")


def _recompiled(program: Program, evidence: NoRecompile) -> Mending:
    from regrad.codemods.engine.compiled_again import compiled_again

    edits = compiled_again(program, evidence.later, evidence.change)
    reason = "the same arguments, after the flags have changed"
    return Mending("compile again", Safety.UNSAFE, edits, reason, seen_in_step=not evidence.same_place)


RULE = Rule(
    "RG203",
    "stale-trainable",
    "unsafe",
    "Weights are trained that were not trained before, or the other way round.",
    detect,
    mend,
)
