"""RG402 loss-outside-tape: the loss, or part of it, is computed after the tape has closed.

What it does
------------
Reports an operation on the way to the loss that runs behind the `with tf.GradientTape()` block, also one that stands in
the argument of `tape.gradient(...)` itself.

Why gradients stop
------------------
The tape stopped recording when its block ended. Whatever is computed afterwards is unknown to it, even from values
that it did record: `tape.gradient` looks for the target in its recording, does not find it, and answers `None` for
every source.

Example
-------
Broken::

    with tf.GradientTape() as tape:
        prediction = model(x, training=True)
    loss = tf.reduce_mean(tf.square(y - prediction))
    gradients = tape.gradient(loss, model.trainable_variables)

Mended::

    with tf.GradientTape() as tape:
        prediction = model(x, training=True)
        loss = tf.reduce_mean(tf.square(y - prediction))
    gradients = tape.gradient(loss, model.trainable_variables)

The fix and its safety
----------------------
Safe. The statements that compute the loss are moved to the end of the block, in their order, with what they read of the
statements in between and nothing else. An expression in the argument of `gradient()` gets a name inside the block. The
values stay the same.

When it stays silent
--------------------
When the loss that is differentiated was recorded, whatever else is computed from it afterwards (metrics, logging,
scaling of the gradients), when a tape is entered again, and under `tape.stop_recording()`, which says that it is
meant.

References
----------
`tf.GradientTape`: https://www.tensorflow.org/guide/autodiff
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Operation
from regrad.codemods.engine import recording
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.missed import missed
from regrad.codemods.engine.recording import Report
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld


def detect(program: Program) -> Iterator[Finding]:
    """Operations behind the block of the tape that is asked for gradients."""
    for report in recording.reports(program, (CutKind.AFTER_TAPE,)):
        assert report.cut.operation is not None and report.sink.tape is not None
        if any(operation.kind == "gradient" for operation in missed(report.sink)) or not isinstance(
            report.sink.event, GradientTaken
        ):
            continue
        text = " ".join(program.source(report.node, report.frame.path).split())
        text = text if len(text) <= 60 else text[:57] + "..."
        variables = recording.source_names(program, report)
        event = report.sink.event
        yield Finding(
            "RG402",
            "loss-outside-tape",
            f"`{text}` is computed after the tape has closed, so the gradient that is asked for is None",
            program.location(report.node, report.frame),
            report.cut.kind,
            variables,
            (Related(program.location(event.node, event.frame), "the gradient is asked for here"),),
            report,
        )


def mend(program: Program, finding: Finding) -> Mendings:
    """Move the computation to the end of the tape's block."""
    report: Report = finding.evidence
    sink = report.sink
    assert sink.tape is not None and isinstance(sink.event, GradientTaken)
    recorder = recording.recorder_of(program, sink.tape)
    advice = "compute the loss inside the `with` block of the tape and hand that value to `gradient`"
    if recorder is None:
        return Withheld("the tape is entered in more than one place, or not by a `with` statement", advice)
    operations: list[Operation] = []
    for each in _same_question(program, sink):
        closed = each.tape.fields.get("#closed", 0) if each.tape is not None else 0
        behind = [operation for operation in missed(each) if operation.serial > closed]
        if len(behind) != len(missed(each)):
            return Withheld("part of the way runs before the tape", advice)
        operations.extend(behind)
    try:
        if sink.event.target_node is not None and _stands_in(program, report, sink.event):
            edits = recording.name_in_block(program, recorder, sink.event, ("loss", "loss_value", "target"), "_loss")
        else:
            edits = recording.bring_in(program, recorder, operations)
    except CannotMove as reason:
        return Withheld(str(reason), advice)
    return (Mending("move it into the tape", Safety.SAFE, edits),)


def _same_question(program: Program, sink: Sink) -> list[Sink]:
    """This and the other times that the same line asks for the gradient: a later pass of a loop may compute more of the
    loss outside of the tape.
    """
    event = sink.event
    others = (
        each
        for each in program.sinks
        if each is not sink and each.event.node is event.node and each.event.frame is event.frame and each.cuts
    )
    return [sink, *others]


def _stands_in(program: Program, report: Report, event: GradientTaken) -> bool:
    """Whether the operation is written in the argument of the gradient call."""
    return (
        event.frame.path == report.frame.path
        and event.target_node is not None
        and any(node is report.node for node in ast.walk(event.target_node))
    )


RULE = Rule(
    "RG402",
    "loss-outside-tape",
    "safe",
    "the same statements compute the same loss; only the recording ends later",
    detect,
    mend,
)
