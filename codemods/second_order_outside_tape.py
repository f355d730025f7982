"""RG409 second-order-outside-tape: a gradient of a gradient is asked for, but the outer tape missed the inner one.

What it does
------------
Reports `outer.gradient(g, x)` where `g` came from an inner tape whose `gradient()` call stands outside the block of
`outer`; and a gradient penalty that is added to a loss but was computed where the tape of the loss did not record.

Why gradients stop
------------------
The inner `gradient()` call is itself made of operations. The outer tape can differentiate them only if it records while
they run; a call behind its block, or before it, leaves it a constant, and the second derivative is `None`. A penalty
that is a constant changes the loss and nothing else: the weights do not feel it, and nothing warns.

Example
-------
Broken::

    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = f(x)
    slope = inner.gradient(y, x)
    curvature = outer.gradient(slope, x)

Mended::

    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = f(x)
        slope = inner.gradient(y, x)
    curvature = outer.gradient(slope, x)

The fix and its safety
----------------------
Safe. The inner `gradient()` call, and what is computed from it on the way to the target, moves to the end of the outer
block; the values stay the same.

When it stays silent
--------------------
When the inner call is recorded, and when its result is only read (printed, applied by an optimizer), goes into the
input of a model (adversarial examples) or weighs the examples: there it is a constant on purpose.

References
----------
Higher-order gradients: https://www.tensorflow.org/guide/advanced_autodiff
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.callee import called
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken
from regrad.analysis.frames import Frame, place_in
from regrad.analysis.program import Program
from regrad.analysis.weights import describe
from regrad.codemods.engine import recording
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.missed import missed
from regrad.codemods.engine.penalties import Penalty, penalties
from regrad.codemods.engine.recording import Report
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld


def detect(program: Program) -> Iterator[Finding]:
    """Inner gradients that the outer tape did not record."""
    for report in recording.reports(program, (CutKind.BEFORE_TAPE, CutKind.AFTER_TAPE, CutKind.TAPE_PAUSED)):
        assert report.cut.operation is not None
        operations = missed(report.sink)
        inner = next((operation for operation in operations if operation.kind == "gradient"), None)
        if inner is None:
            continue
        event = report.sink.event
        yield Finding(
            "RG409",
            "second-order-outside-tape",
            "the inner gradient is taken outside the outer tape, so there is nothing to differentiate a second time",
            program.location(report.node, report.frame),
            report.cut.kind,
            recording.source_names(program, report),
            (Related(program.location(event.node, event.frame), "the second gradient is asked for here"),),
            report,
        )
    for penalty in penalties(program):
        event = penalty.sink.event
        node, frame = _place(program, penalty)
        yield Finding(
            "RG409",
            "second-order-outside-tape",
            "this penalty is a constant to the tape of the loss: its inner gradient is taken before the tape records",
            program.location(node, frame),
            CutKind.BEFORE_TAPE,
            tuple(dict.fromkeys(describe(source) for source in penalty.sources)),
            (Related(program.location(event.node, event.frame), "the gradient is asked for here"),),
            penalty,
        )


def _place(program: Program, penalty: Penalty) -> tuple[ast.AST, Frame]:
    """The inner gradient, as the code around the outer tape shows it."""
    tape = penalty.sink.tape
    recorder = recording.recorder_of(program, tape) if tape is not None else None
    around = recorder.frame if recorder is not None else None
    while around is not None:
        place = place_in(penalty.inner.frame, penalty.inner.node, around)
        if place is not None:
            return place, around
        around = around.caller
    event = penalty.sink.event
    return event.node, event.frame


def mend(program: Program, finding: Finding) -> Mendings:
    """Move the inner gradient call into the outer tape's block."""
    report: Report | Penalty = finding.evidence
    advice = "call the inner tape's `gradient` inside the block of the outer tape"
    recorder = recording.recorder_of(program, report.sink.tape) if report.sink.tape is not None else None
    if recorder is None:
        return Withheld("the outer tape is not opened by one `with` statement", advice)
    event = report.sink.event
    try:
        if isinstance(report, Penalty):
            edits = recording.bring_in(program, recorder, report.operations)
        elif isinstance(event, GradientTaken) and _written_in_target(event, report):
            edits = recording.name_in_block(program, recorder, event, ("gradient", "inner_gradient"), "")
        else:
            edits = recording.bring_in(program, recorder, missed(report.sink))
    except CannotMove as reason:
        return Withheld(str(reason), advice)
    # A Jacobian without a connection is zeros, which the loss was computed with: nothing is missing there.
    zeros = isinstance(event.node, ast.Call) and called(event.node) == "batch_jacobian"
    seen = not isinstance(report, Penalty) and not zeros
    title = "take the inner gradient inside the outer tape"
    return (Mending(title, Safety.SAFE, edits, keeps_loss=not zeros, seen_in_step=seen),)


def _written_in_target(event: GradientTaken, report: Report) -> bool:
    """Whether the inner call is written in the argument of the outer one."""
    return event.target_node is not None and any(node is report.node for node in ast.walk(event.target_node))


RULE = Rule(
    "RG409",
    "second-order-outside-tape",
    "safe",
    "the same calls compute the same values; only the recording lasts longer",
    detect,
    mend,
)
