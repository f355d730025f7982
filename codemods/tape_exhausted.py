"""RG404 tape-exhausted: a second gradient is asked of a tape that gives only one.

What it does
------------
Reports a `tape.gradient(...)` (or `jacobian`) call on a tape that has already answered one and was not made with
`persistent=True`.

Why gradients stop
------------------
A tape frees what it recorded with its first answer. The second call raises `RuntimeError: A non-persistent GradientTape
can only be used to compute one set of gradients (or jacobians)`, so the second half of the model is never trained.

Example
-------
Broken::

    with tf.GradientTape() as tape:
        generator_loss, discriminator_loss = losses(images)
    generator_gradients = tape.gradient(generator_loss, generator.trainable_variables)
    discriminator_gradients = tape.gradient(discriminator_loss, discriminator.trainable_variables)

Mended::

    with tf.GradientTape(persistent=True) as tape:
        generator_loss, discriminator_loss = losses(images)
    generator_gradients = tape.gradient(generator_loss, generator.trainable_variables)
    discriminator_gradients = tape.gradient(discriminator_loss, discriminator.trainable_variables)

The fix and its safety
----------------------
Safe. `persistent=True` keeps the recording until the tape is garbage-collected; the values stay the same.

When it stays silent
--------------------
When the calls stand in branches of which only one runs, when the tape is opened or reset in between, and when it is not
certain which tape is meant; where the error is caught by its name, or a lesson has the same lines under a persistent
tape as well.

References
----------
`tf.GradientTape(persistent=True)`: https://www.tensorflow.org/api_docs/python/tf/GradientTape
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.events import GradientTaken
from regrad.analysis.program import Program
from regrad.analysis.values import Constant
from regrad.codemods.engine import demonstrated
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.unread_loss import unread_losses


def detect(program: Program) -> Iterator[Finding]:
    """Gradient calls beyond the first on a tape that is not persistent."""
    seen: set[int] = set()
    first: dict[int, GradientTaken] = {}
    for event in program.of(GradientTaken):
        tape = event.tape
        persistent = tape.fields.get("persistent")
        if tape.implicit or event.uses < 1:
            first.setdefault(id(tape), event)
            continue
        if (
            not (isinstance(persistent, Constant) and not persistent.value)
            or id(event.node) in seen
            or event.conditional
        ):
            continue
        seen.add(id(event.node))
        if demonstrated.expected(program, event.node, event.frame.path, "RuntimeError"):
            continue
        if demonstrated.also_persistent(program, tape):
            continue
        if any(meant.tape and meant.event.node is event.node for meant in unread_losses(program)):
            continue  # RG407: another tape is meant
        earlier = first.get(id(tape))
        same = earlier is None or earlier.node is event.node
        related = (
            ()
            if earlier is None or same
            else (Related(program.location(earlier.node, earlier.frame), "the tape answers here"),)
        )
        message = (
            "this asks the tape again in each pass of the loop"
            if same
            else "the tape has already given its one gradient"
        )
        yield Finding(
            "RG404",
            "tape-exhausted",
            f"{message}; without `persistent=True` the call raises",
            program.location(event.node, event.frame),
            None,
            (),
            related,
            event,
        )


def mend(program: Program, finding: Finding) -> Mendings:
    """Make the tape persistent."""
    from regrad.codemods.engine import arguments

    event: GradientTaken = finding.evidence
    tape = event.tape
    if not isinstance(tape.node, ast.Call) or tape.frame is None:
        return Withheld("the tape is not made by a call of `tf.GradientTape`", "tf.GradientTape(persistent=True)")
    try:
        edit = arguments.set_keyword(program.files[tape.frame.path], tape.node, "persistent", "True")
    except CannotMove as reason:
        return Withheld(str(reason), "tf.GradientTape(persistent=True)")
    return (Mending("make the tape persistent", Safety.SAFE, (edit,)),)


RULE = Rule("RG404", "tape-exhausted", "safe", "the recording is kept longer; the values stay the same", detect, mend)
