"""RG403 source-not-watched: the gradient is asked for a plain tensor that the tape does not watch.

What it does
------------
Reports `tape.gradient(loss, x)` where `x` is a tensor that existed before the tape, is no variable and was never
given to `tape.watch` before its first use; also where the wrong thing is watched, such as the symbolic
`model.inputs`, or numbers of words of which the table's rows are meant; and where a part of the tensor is asked for
(`x[:, 0:1]`), cut out in the request itself, which nothing was computed from.

Why gradients stop
------------------
A tape watches trainable variables by itself and nothing else. What is computed from an unwatched tensor is not
recorded as depending on it, and the gradient is `None`. `model.inputs` are the placeholders that the model was
described with, not the data of this call: Keras 3 refuses them in `watch` and `gradient`, Keras 2 answers `None`. What
only says which rows an `Embedding` or `tf.gather` takes has no gradient, integers or not; the rows have one.

Example
-------
Broken::

    with tf.GradientTape() as tape:
        prediction = model(image)
        loss = loss_fn(label, prediction)
    gradient = tape.gradient(loss, image)

Mended::

    with tf.GradientTape() as tape:
        tape.watch(image)
        prediction = model(image)
        loss = loss_fn(label, prediction)
    gradient = tape.gradient(loss, image)

The fix and its safety
----------------------
Safe. `tape.watch` is added at the start of the block (or moved there, or right behind what binds the tensor in the
block); nothing else is computed. Unsafe where the rows that were picked are watched and asked for in the place of their
numbers: another gradient is asked for. Where a part was cut out in the request, the gradient of the whole is asked for,
and the same part is taken of it.

When it stays silent
--------------------
For variables, for tensors that were computed under the tape from something that it watches, when the tensor is
watched by any way that can be followed, and when it is not known what is asked for; where a lesson has the same lines
under a tape that watches as well.

References
----------
`tf.GradientTape.watch`: https://www.tensorflow.org/guide/autodiff#controlling_what_the_tape_watches
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.applications import made_of_variable, projects_variable, replaces_variable
from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, ModelCalled, Watched
from regrad.analysis.flow import Flow
from regrad.analysis.operations import is_integer
from regrad.analysis.picked_rows import picked_rows
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Collection, Constant, Operation, Tape, Tensor, Value
from regrad.codemods.engine import demonstrated, recording
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.missed import missed
from regrad.codemods.engine.part_of_source import Part, asked_of_whole, parts_asked
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.slope_of_rows import ADVICE, Rows, asked_of_rows, slopes_of_rows
from regrad.codemods.engine.surroundings import loaded, stored


def detect(program: Program) -> Iterator[Finding]:
    """Sources that are tensors which the tape does not watch."""
    yield from slopes_of_rows(program, RULE.code, RULE.name)
    yield from parts_asked(program, RULE.code, RULE.name)
    seen: set[int] = set()
    for sink in program.sinks:
        event = sink.event
        if (
            sink.kind != "tape"
            or not isinstance(event, GradientTaken)
            or id(event.node) in seen
            or event.sources_node is None
            or recording.zeros_expected(event)
            or picked_rows(sink)
        ):
            continue
        symbolic = _symbolic_sources(sink.sources)
        if symbolic:
            seen.add(id(event.node))
            yield _finding(
                program, sink, event, "the symbolic inputs of a model are asked for, which no call of the model uses"
            )
            continue
        lost = [value for value in sink.path.lost if isinstance(value, Tensor)]
        # A tensor that the target does not depend on at all is RG407; an integer needs another dtype (RG505).
        unwatched = [
            value
            for value in lost
            if sink.depends_on(value)
            and not value.numpy
            and not is_integer(value.dtype)
            and not _watched(event.tape, value)
            and not replaces_variable(value)  # `w = w - rate * gradient` is RG406
            and not projects_variable(program, value)
        ]
        late = [
            value
            for value in lost
            if _watched(event.tape, value)
            and not is_integer(value.dtype)
            and sink.depends_on(value)
            and _used_before_watched(sink, value)
        ]
        if late and missed(sink):
            continue  # it is watched in time for the tape, but the tape begins too late (RG401)
        if not (unwatched or late) or sink.path.anything:
            continue
        if any(value.operation.serial > (event.tape.fields.get("#opened") or 0) for value in unwatched):
            continue  # made under the tape: what it was made from is the question
        seen.add(id(event.node))
        if demonstrated.also_watched(program, event.tape):
            continue
        text = program.source(event.sources_node, event.frame.path)
        reason = "is watched only after its first use" if late else "is no variable and is not watched"
        yield _finding(program, sink, event, f"`{text}` {reason}, so its gradient is None")


def _watched(tape: Tape, value: Tensor) -> bool:
    return id(value) in (tape.fields.get("watched") or {})


def _used_before_watched(sink: Sink, value: Tensor) -> bool:
    """Whether something on the way to the target read the tensor, on the record, before it was watched."""
    assert sink.tape is not None
    since: int = sink.tape.fields["watched"][id(value)][0]
    full = Flow(sink.tape, full=True)
    seen: set[int] = set()
    stack: list[Value] = [sink.target]
    while stack:
        current = stack.pop()
        if id(current) in seen or current is value:
            continue
        seen.add(id(current))
        parts = tuple(full._parts(current))
        if isinstance(current, Tensor) and current.operation.serial < since and any(part is value for part in parts):
            return True
        stack.extend(parts)
    return False


def _finding(program: Program, sink: Sink, event: GradientTaken, message: str) -> Finding:
    assert event.sources_node is not None
    related = tuple(
        Related(program.location(watch.node, watch.frame), "this is watched")
        for watch in program.of(Watched)
        if watch.tape is event.tape
    )
    return Finding(
        "RG403",
        "source-not-watched",
        message,
        program.location(event.sources_node, event.frame),
        CutKind.NOT_WATCHED,
        (program.source(event.sources_node, event.frame.path),),
        related,
        event,
    )


def _symbolic_sources(value: Value) -> bool:
    items = value.items if isinstance(value, Collection) else (value,)
    return bool(items) and all(
        isinstance(item, Tensor) and item.symbolic and item.operation.kind == "input" for item in items
    )


def mend(program: Program, finding: Finding) -> Mendings:
    """Watch the tensor before its first use."""
    from regrad.codemods.engine import moving
    from regrad.codemods.engine.passage import behind_watches

    if isinstance(finding.evidence, Rows):
        try:
            return (asked_of_rows(program, finding.evidence),)
        except CannotMove as reason:
            return Withheld(str(reason), ADVICE)
    if isinstance(finding.evidence, Part):
        try:
            return (asked_of_whole(program, finding.evidence),)
        except CannotMove as reason:
            return Withheld(str(reason), "gradient = tape.gradient(y, x)[:, 0:1]  # and not of `x[:, 0:1]`")
    event: GradientTaken = finding.evidence
    path = event.frame.path
    recorder = recording.recorder_of(program, event.tape)
    node = event.sources_node
    advice = "call `tape.watch(x)` as the first statement of the tape's block"
    if recorder is None or recorder.frame.path != path or not isinstance(node, ast.expr):
        return Withheld("the tape is not opened by one `with` statement of the same file", advice)
    name = recording.tape_name(recorder, event)
    if name is None:
        return Withheld("the tape has no plain name", advice)
    source, tree = program.files[path], program.trees[path]
    rewrite = moving.Rewrite(source, tree)
    try:
        if _symbolic_sources(event.sources):
            return _instead_of_symbols(program, event, recorder, name)
        watches = [
            watch for watch in program.of(Watched) if watch.tape is event.tape and _same_text(program, watch, event)
        ]
        statements = {id(s): s for watch in watches if (s := program.statement(watch.node, path)) is not None}
        if not _plain(node):
            return Withheld("the source is not a plain name", advice)
        if any(_was_variable(program, value) for value in recording_lost(program, event)):
            return Withheld(
                "the name held a variable until it was bound to a tensor",
                "x.assign_add(...) in the place of x = x + ...",
            )
        bound = [
            s
            for s in ast.walk(recorder.owner)
            if isinstance(s, ast.stmt) and s is not recorder.owner and stored(s) & loaded(node)
        ]
        if bound:
            if not _watched_further_down(recorder.owner.body, bound, list(statements.values())):
                return Withheld(f"`{ast.unparse(node)}` is bound anew inside the tape", advice)
            rewrite.move(list(statements.values()), moving.after(bound[0]))
        elif statements:
            rewrite.move(list(statements.values()), moving.at_start(recorder.owner))
        else:
            parts = node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]
            lost = {id(value) for value in recording_lost(program, event)}
            items = event.sources.items if isinstance(event.sources, Collection) else (event.sources,)
            lines = [
                f"{name}.watch({program.source(part, path)})"
                for part, value in zip(parts, items, strict=False)
                if id(value) in lost
            ]
            if not lines:
                return Withheld("the tensor that is not watched has no name of its own", advice)
            rewrite.insert("\n".join(lines), behind_watches(recorder.owner))
        return (Mending("watch it from the start", Safety.SAFE, rewrite.edits()),)
    except CannotMove as reason:
        return Withheld(str(reason), advice)


def recording_lost(program: Program, event: GradientTaken) -> tuple[Value, ...]:
    """The sources that the gradient call does not reach."""
    return next((sink.path.lost for sink in program.sinks if sink.event is event), ())


def _was_variable(program: Program, value: Value) -> bool:
    """Whether a tensor came from `x = x + 1` on a variable (`x`), so that it was to stay one."""

    def bound_again(operation: Operation) -> bool:
        if operation.kind != "operator" or operation.node is None or operation.frame is None:
            return False
        statement = program.statement(operation.node, operation.frame.path)
        return statement is not None and bool(stored(statement) & loaded(statement))

    return made_of_variable(value, bound_again)


def _plain(node: ast.expr) -> bool:
    if isinstance(node, (ast.List, ast.Tuple)):
        return all(_plain(part) for part in node.elts)
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _plain(node.value))


def _watched_further_down(block: list[ast.stmt], bound: list[ast.stmt], watches: list[ast.stmt]) -> bool:
    """Whether the tensor is bound once in the tape's block, and watched in that block after other statements."""
    return (
        len(bound) == 1
        and bool(watches)
        and all(any(statement is other for other in block) for statement in (*bound, *watches))
        and all(bound[0].lineno < watch.lineno for watch in watches)
    )


def _same_text(program: Program, watch: Watched, event: GradientTaken) -> bool:
    if not isinstance(watch.node, ast.Call) or not watch.node.args or event.sources_node is None:
        return False
    return ast.unparse(watch.node.args[0]) == ast.unparse(event.sources_node)


def _instead_of_symbols(program: Program, event: GradientTaken, recorder: recording.Recorder, name: str) -> Mendings:
    """Watch and differentiate the data that the model is called with, in the place of its symbolic inputs."""
    from regrad.codemods.engine import moving

    path = event.frame.path
    advice = "watch the tensor that the model is called with, and ask for its gradient"
    calls = [
        call.node
        for call in program.of(ModelCalled)
        if event.tape in call.tapes
        and call.frame is recorder.frame
        and isinstance(call.node, ast.Call)
        and call.node.args
        and not isinstance(call.result, Constant)
    ]
    handed = {ast.unparse(call.args[0]): call.args[0] for call in calls}
    if len(handed) != 1 or not isinstance(event.sources_node, ast.expr):
        return Withheld("the model is called with several things, or with none that can be told", advice)
    argument = next(iter(handed.values()))
    if not isinstance(argument, ast.Name):
        return Withheld("what the model is called with has no name", advice)
    several = isinstance(event.sources, Collection)
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    rewrite.replace(event.sources_node, f"[{argument.id}]" if several else argument.id)
    for watch in program.of(Watched):
        if watch.tape is event.tape and watch.frame is recorder.frame and isinstance(watch.node, ast.Call):
            statement = program.statement(watch.node, path)
            if statement is not None:
                rewrite.remove([statement])
    rewrite.insert(f"{name}.watch({argument.id})", moving.at_start(recorder.owner))
    edits: tuple[Edit, ...] = rewrite.edits()
    return (Mending(f"watch `{argument.id}`, which the model is called with", Safety.SAFE, edits),)


RULE = Rule(
    "RG403",
    "source-not-watched",
    "mixed",
    "Watching changes no value; where the rows are asked for in the place of their numbers, another gradient is.",
    detect,
    mend,
)
