"""RG408 minimize-precomputed: `minimize` is given a loss that has already been computed.

What it does
------------
Reports `optimizer.minimize(...)` whose loss does not depend on the variables by the time the optimizer looks: a
callable that returns a value computed before the call (`lambda: loss`, or a function that reads a prediction from
outside), or a tensor in eager TensorFlow 2, alone or with a tape that was made for the call. Also `minimize` on a Keras
3 optimizer, which does not have it, and `tf.gradients` in eager code.

Why gradients stop
------------------
`minimize(f)` opens a tape, calls `f`, and differentiates what it returns. Only what `f` itself computes is recorded;
a value from before is a constant, and the optimizer raises `No gradients provided for any variable`. A tensor has
lost its history altogether: eager TensorFlow keeps none. Keras 3 dropped `Optimizer.minimize` (`AttributeError`), and
`tf.gradients` raises in eager code.

Example
-------
Broken::

    loss = loss_fn(y, model(x))
    optimizer.minimize(lambda: loss, model.trainable_variables)

Mended::

    with tf.GradientTape() as tape:
        loss = loss_fn(y, model(x))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))

The fix and its safety
----------------------
Safe. The statements that compute the loss move under a tape, and `apply_gradients` takes the place of `minimize`; where
they stand ahead of the loop that minimizes, they move into it, if nothing else uses what they give; where the loss is a
function that reads a value from outside, that computation moves into the function; a `lambda` becomes a function first;
a tape that was made for the call is opened around the statements. An optimizer of TensorFlow 1 that is given the result
of a call (`minimize(self.cost())`) is given what computes it instead (`minimize(self.cost)`). For `tf.gradients` a tape
is opened around all that lies between the sources and the loss, and asked.

When it stays silent
--------------------
For the optimizers of `tf.compat.v1` and a tensor: in a graph that is right; for callables that compute the loss; for
`minimize` with a tape that recorded; when it is not known what kind of optimizer is used.

References
----------
Custom training: https://www.tensorflow.org/guide/keras/writing_a_training_loop_from_scratch
"""

from __future__ import annotations

from collections.abc import Iterator

from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, Minimized
from regrad.analysis.frames import Frame
from regrad.analysis.generation import spelled_for_keras_2
from regrad.analysis.program import Program
from regrad.analysis.values import BoundMethod, Function, Optimizer, Partial, Tensor
from regrad.analysis.weights import names
from regrad.codemods.engine.fresh_tape import fresh_tape
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.loss_as_callable import as_callable, takes_callable
from regrad.codemods.engine.rule import Finding, Mendings, Rule, Withheld
from regrad.codemods.engine.taped_gradients import tape_for_gradients
from regrad.codemods.engine.taped_minimize import (
    into_callable,
    is_named_callable,
    of_tensorflow_1,
    tape_around_callable,
    tape_around_statements,
)

_ADVICE = (
    "compute the loss under `with tf.GradientTape() as tape:` and call "
    "`optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))`"
)

_ADVICE_FOR_GRADIENTS = (
    "compute the loss under `with tf.GradientTape() as tape:`, watch what is no variable, and call `tape.gradient`"
)


def detect(program: Program) -> Iterator[Finding]:
    """Calls of `minimize` that cannot find a gradient, and `tf.gradients` in eager code."""
    if program.graph:
        return
    yield from _graph_gradients(program)
    seen: set[int] = set()
    sinks = {id(sink.event): sink for sink in program.sinks if sink.kind == "minimize"}
    for event in program.of(Minimized):
        if id(event.node) in seen:
            continue
        sink = sinks.get(id(event))
        keras = isinstance(event.optimizer, Optimizer) and event.optimizer.name.startswith(("keras.", "tf.optimizers."))
        legacy = isinstance(event.optimizer, Optimizer) and ".legacy." in _spelled(program, event)
        message: str | None = None
        variables: tuple[str, ...] = ()
        eager = program.eager and not _traced(event.frame)
        if (
            isinstance(event.loss, Tensor)
            and event.tape is None
            and (keras or (of_tensorflow_1(event) and eager))
            and not _in_graph(event)
        ):
            message = "`minimize` is given a tensor: its history is gone, so there is nothing to differentiate"
        elif fresh_tape(program, event) is not None:
            message = "the tape that `minimize` is given was made for it and has recorded nothing of the loss"
        elif (
            sink is not None
            and isinstance(event.loss, (Function, BoundMethod, Partial))
            and sink.path.lost
            and not sink.path.anything
            and not sink.path.connected
            and any(cut.kind is CutKind.BEFORE_TAPE for cut in sink.cuts)
        ):
            variables = names(sink.path.lost)
            named = ", ".join(variables[:4]) or "the variables"
            message = f"the loss was computed before `minimize` called for it, so no gradient reaches {named}"
        lacking = keras and not legacy and not _keras_2(program)
        if lacking and ((message is None and event.tape is None) or fresh_tape(program, event) is not None):
            known = "" if program.keras_known else " (Keras 3 is assumed; Keras 2 has it)"
            message = f"Keras 3 optimizers have no `minimize`: this raises AttributeError{known}"
        if message is not None:
            seen.add(id(event.node))
            yield Finding(
                "RG408",
                "minimize-precomputed",
                message,
                program.location(event.node, event.frame),
                CutKind.BEFORE_TAPE,
                variables,
                (),
                event,
            )


def _keras_2(program: Program) -> bool:
    return program.keras == 2 or (not program.keras_known and spelled_for_keras_2(program))


def _graph_gradients(program: Program) -> Iterator[Finding]:
    """`tf.gradients` where there is no graph."""
    if not program.eager:
        return
    seen: set[int] = set()
    for event in program.of(GradientTaken):
        graph = event.tape.fields.get("graph") and event.method in ("gradients", "compute_gradients")
        if graph and id(event.node) not in seen and not _traced(event.frame):
            seen.add(id(event.node))
            yield Finding(
                "RG408",
                "minimize-precomputed",
                f"`{event.method}` needs a graph: in eager code it raises, since nothing recorded how the loss was"
                " computed",
                program.location(event.node, event.frame),
                CutKind.BEFORE_TAPE,
                (),
                (),
                event,
            )


def _traced(frame: Frame | None) -> bool:
    """Whether the code may run while TensorFlow traces a graph: under `tf.function`, or in what Keras calls."""
    while frame is not None:
        function = frame.function
        if function is not None and (
            function.decorated("function") or function.name in ("call", "train_step", "compute_loss", "build")
        ):
            return True
        if function is not None and (frame.caller is None or frame.call is None or frame.call is function.node):
            return True  # nobody here calls it: whoever does may be building a graph
        frame = frame.caller
    return False


def _spelled(program: Program, event: Minimized) -> str:
    optimizer = event.optimizer
    if isinstance(optimizer, Optimizer) and optimizer.node is not None and optimizer.frame is not None:
        return program.source(optimizer.node, optimizer.frame.path)
    return ""


def _in_graph(event: Minimized) -> bool:
    """Whether the loss was built from placeholders, which exist in graphs only."""
    from regrad.analysis.flow import Flow

    flow = Flow(None, full=True)
    stack, seen = [event.loss], set()
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor) and value.operation.name == "placeholder":
            return True
        stack.extend(flow._parts(value))
    return False


def mend(program: Program, finding: Finding) -> Mendings:
    """Compute the loss under a tape, or inside the callable."""
    event = finding.evidence
    if isinstance(event, GradientTaken):
        try:
            return tape_for_gradients(program, event)
        except CannotMove as reason:
            return Withheld(str(reason), _ADVICE_FOR_GRADIENTS)
    sink = next((sink for sink in program.sinks if sink.event is event), None)
    try:
        if sink is not None and is_named_callable(event):
            if of_tensorflow_1(event) or _keras_2(program):
                return into_callable(program, event, sink)
            return tape_around_callable(program, event, sink)
        if takes_callable(event):
            try:
                return as_callable(program, event)
            except CannotMove:
                pass  # what stands before the call is recorded by a tape
        fresh = fresh_tape(program, event) if _keras_2(program) or ".legacy." in _spelled(program, event) else None
        return tape_around_statements(program, event, sink, fresh)
    except CannotMove as reason:
        return Withheld(str(reason), _ADVICE)


RULE = Rule(
    "RG408",
    "minimize-precomputed",
    "safe",
    "the same loss is computed from the same statements, under a tape, and the same optimizer applies its gradients",
    detect,
    mend,
)
