"""RG401 forward-outside-tape: the forward pass, or what the loss starts from, runs before the tape records.

What it does
------------
Reports a value on the way from the variables to the loss that was computed before `with tf.GradientTape()` began to
record, or once and for all in a layer's `__init__` or `build`, or by a function that keeps what its first call computed
(`functools.cache`, `lru_cache`, `cached_property`), so that no gradient can come back through it.

Why gradients stop
------------------
A tape is a recording. An operation that ran before the recording started is a constant to it: the loss inside the
`with` block then depends on no variable, `tape.gradient` answers `None` for every one of them, and the optimizer raises
`ValueError: No gradients provided for any variable`. A tensor that is computed from weights in `build` has the same
fate in every later step: its weights are never trained (Keras only warns), and it keeps its first value for ever.

Example
-------
Broken::

    prediction = model(x, training=True)
    with tf.GradientTape() as tape:
        loss = loss_fn(y, prediction)
    gradients = tape.gradient(loss, model.trainable_variables)

Mended::

    with tf.GradientTape() as tape:
        prediction = model(x, training=True)
        loss = loss_fn(y, prediction)
    gradients = tape.gradient(loss, model.trainable_variables)

The fix and its safety
----------------------
Safe: the statements that the loss needs are moved into the tape in their order, with the statements in between that
use their values; nothing else moves. Where the value comes in as an argument, the argument is replaced by what it was
computed from; what stands around a function that the tape calls is computed in that function. A generator of batches
that yields it yields what it is computed from instead, and the loop over the batches computes it in the tape; so does
every other loop over that generator for itself. What `__init__` or `build` computed once is computed in the method that
uses it; a list of such values keeps what they are made of, and the loop over it computes them. A function that keeps
its result loses the decorator that does so. A statement that gives a prediction and its target keeps the target
constant, by `tf.stop_gradient`. The program computes the same values; only the recording starts earlier.

Unsafe where other code uses the value as well, as where one batch of samples serves both players of a game: it stays
where it is, and the tape computes it once more, if nothing but computing happens then. No mending is made where either
of two values that are compared could be the target, or where the value is computed in a block of its own, or from names
that are bound anew on the way, or along with variables or an object that remembers what it went through, which would
begin anew in each step; then the reason is given.

When it stays silent
--------------------
When a gradient can reach the variables on any other way, when the loss calls something unknown inside the tape, and for
values that are constants on purpose, by their name, a comment or what they are made of: targets, old log-probabilities,
a teacher's output, features of a network whose variables are not asked for.

References
----------
`tf.GradientTape`: https://www.tensorflow.org/guide/autodiff
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.cut import CutKind
from regrad.analysis.events import Watched
from regrad.analysis.frames import Frame, place_in
from regrad.analysis.picked_rows import picked_rows
from regrad.analysis.program import Program
from regrad.analysis.values import Operation
from regrad.codemods.engine import detached_targets, recording
from regrad.codemods.engine.broken_paths import listed
from regrad.codemods.engine.computed_again import computed_again
from regrad.codemods.engine.fresh_tape import told_to_minimize
from regrad.codemods.engine.half_way import attached
from regrad.codemods.engine.into_reader import into_reader
from regrad.codemods.engine.kept_result import computed_each_time, kept_result
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.made_once import into_user
from regrad.codemods.engine.missed import missed
from regrad.codemods.engine.once_and_again import refuse_to_begin_again
from regrad.codemods.engine.recording import Recorder, Report
from regrad.codemods.engine.rollout_advice import rollout_advice
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.unused_prediction import unused_prediction
from regrad.codemods.engine.weight_overwritten import ONCE, method_that_runs_once, overwritten
from regrad.codemods.engine.yielded_value import computed_by_the_tape, made_by_a_generator


def detect(program: Program) -> Iterator[Finding]:
    """Values that the tape of a gradient call (or of a Keras training step) did not see being made."""
    for report in recording.reports(program, (CutKind.BEFORE_TAPE,), ("tape", "keras")):
        assert report.cut.operation is not None
        if any(operation.kind == "gradient" for operation in missed(report.sink)):
            continue  # RG409
        if told_to_minimize(program, report.sink.tape):
            continue  # RG408
        if picked_rows(report.sink):
            continue  # RG403: recording it would not help
        if unused_prediction(program, report.sink) is not None:
            continue  # RG107
        if overwritten(program, report) is not None:
            continue  # RG406
        once = method_that_runs_once(report)
        if report.sink.kind == "keras" and once is None and not _of_plain_variables(report):
            continue
        if not any(operation is report.cut.operation for operation in _needed(program, report)):
            continue  # a constant on purpose
        event = report.sink.event
        node, frame = (report.cut.node, report.cut.frame) if once is not None else (report.node, report.frame)
        kept = kept_result(program, report.cut.frame) if once is None else None
        if node is None or frame is None:
            continue
        text = " ".join(program.source(node, frame.path).split())
        text = text if len(text) <= 60 else text[:57] + "..."
        variables = recording.source_names(program, report)
        if kept is not None:
            message = f"`{kept.function.name}` keeps what its first call computed: no gradient comes through it to"
            message += f" {listed(variables)}"
        elif once is not None:
            message = (
                f"`{text}` is computed once, in `{once}`: no gradient comes back through it to {listed(variables)}"
            )
        elif report.sink.kind == "keras":
            message = (
                f"`{text}` is computed once, before training: no gradient comes back through it to {listed(variables)}"
            )
        else:
            message = f"`{text}` runs before the tape records, so no gradient reaches {listed(variables)}"
        related = (
            *_watched_too_late(program, report),
            Related(program.location(event.node, event.frame), "the gradient is asked for here"),
        )
        yield Finding(
            "RG401",
            "forward-outside-tape",
            message,
            program.location(node, frame) if kept is None else program.location(kept.decorator, kept.path),
            CutKind.BEFORE_TAPE,
            variables,
            related,
            report,
        )


def _watched_too_late(program: Program, report: Report) -> Iterator[Related]:
    """Where the tape was told to watch a source that had been used before: that is why it is lost all the same."""
    lost = {id(value) for value in report.sink.path.lost}
    for event in program.of(Watched):
        if event.tape is report.sink.tape and id(event.value) in lost:
            yield Related(program.location(event.node, event.frame), "it is watched from here on only")
            return


def _needed(program: Program, report: Report) -> list[Operation]:
    recorder = recording.recorder_of(program, report.sink.tape) if report.sink.tape is not None else None
    return recording.needed(program, report.sink, recorder)


def _of_plain_variables(report: Report) -> bool:
    """Whether the program computed something of variables at its top level, which the loss then takes for granted."""
    assert report.cut.operation is not None
    return report.frame.function is None and report.cut.operation.kind in ("op", "operator", "index", "method")


def mend(program: Program, finding: Finding) -> Mendings:
    """Move what the tape missed to where it is recorded."""
    report: Report = finding.evidence
    roles = detached_targets.roles(program, report.sink)
    if roles.doubt:
        return Withheld(roles.doubt, detached_targets.ADVICE)
    try:
        once = method_that_runs_once(report)
        kept = kept_result(program, report.cut.frame) if once is None else None
        if kept is not None:
            return (Mending("compute it anew in each call", Safety.SAFE, computed_each_time(program, kept)),)
        if once is not None:
            if report.cut.node is None or report.cut.frame is None:
                raise CannotMove("the value is not computed in a method of a layer")
            node = _node_of_maker(report, report.cut.node, report.cut.frame)
            method, edits = _into_method(program, node, report.cut.frame.path)
            title = f"compute it in `{method}` instead of `{once}`"
        else:
            recorder = recording.recorder_of(program, report.sink.tape) if report.sink.tape is not None else None
            if recorder is None:
                raise CannotMove("it has to be computed inside the loss, from the variables as they are then")
            operations = _needed(program, report)
            opened = report.sink.tape.fields.get("#opened", 0) if report.sink.tape is not None else 0
            early = [operation for operation in operations if operation.serial < opened]
            refuse_to_begin_again(program, recorder, early, report.sink)
            if made_by_a_generator(early):
                edits = computed_by_the_tape(program, recorder, early)
                title = "let the generator yield what it is computed from, and compute it in the tape"
            else:
                title = "move it into the tape"
                try:
                    edits = recording.bring_in(program, recorder, early, roles.values)
                except CannotMove as reason:
                    read = into_reader(program, report.sink, recorder, early) if not roles.values else None
                    if read is None:
                        return _again(program, report, recorder, early, reason)
                    title, edits = f"compute it in `{read.name}`, which the tape calls", read.edits
            joined = attached(program, edits, report.sink)
            if joined is not None:
                raise CannotMove(f"`{joined}` gives a target, and would get a gradient as well")
    except CannotMove as reason:
        return Withheld(str(reason), "compute it inside `with tf.GradientTape() as tape:`, before the loss")
    return (Mending(title, Safety.SAFE, edits),)


def _again(
    program: Program, report: Report, recorder: Recorder, operations: list[Operation], reason: CannotMove
) -> Mendings:
    """The value computed once more, where nothing is in the way but that other code uses it, too."""
    try:
        mending = computed_again(program, recorder, operations)
    except CannotMove:
        advice = rollout_advice(program, operations, recorder.frame)
        if advice is not None:
            return advice
        raise reason from None
    if detached_targets.roles(program, report.sink).values or attached(program, mending.edits, report.sink):
        raise reason
    return (mending,)


def _into_method(program: Program, node: ast.AST, path: str) -> tuple[str, tuple[Edit, ...]]:
    """The method that computes the value from now on: the one that reads it, or that goes through a list of such."""
    from regrad.codemods.engine.made_in_lists import into_loop

    try:
        return into_user(program, node, path)
    except CannotMove as reason:
        try:
            return into_loop(program, node, path)
        except CannotMove:
            raise reason from None


def _node_of_maker(report: Report, node: ast.AST, frame: Frame) -> ast.AST:
    """The expression in `__init__` or `build` that the operation belongs to, be it made in a method that is called."""
    maker: Frame | None = frame
    while maker is not None and not (maker.function is not None and maker.function.name in ONCE):
        maker = maker.caller
    return place_in(frame, node, maker) or node if maker is not None and maker.path == frame.path else node


RULE = Rule(
    "RG401",
    "forward-outside-tape",
    "mixed",
    "the same statements run in the same order, only the recording starts earlier; what others use as well runs twice",
    detect,
    mend,
)
