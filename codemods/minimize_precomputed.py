"""RG408 minimize-precomputed: `minimize` is given a loss that has already been computed.

What it does
------------
Reports `optimizer.minimize(...)` whose loss does not depend on the variables by the time the optimizer looks: a
callable that returns a value computed before the call (`lambda: loss`, or a function that reads a prediction from
outside), or a tensor in eager TensorFlow 2. Also `minimize` on a Keras 3 optimizer, which does not have it, and
`tf.gradients` in eager code.

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
the loss is a function that reads a value from outside, that computation moves into the function.

When it stays silent
--------------------
For the optimizers of `tf.compat.v1` and a tensor: in a graph that is right; for callables that compute the loss; for
`minimize` with `tape=`; when it is not known what kind of optimizer is used.

References
----------
Custom training: https://www.tensorflow.org/guide/keras/writing_a_training_loop_from_scratch
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from regrad.analysis.cut import CutKind
from regrad.analysis.events import GradientTaken, Minimized
from regrad.analysis.frames import Frame, place_in
from regrad.analysis.generation import spelled_for_keras_2
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import BoundMethod, Function, Operation, Optimizer, Partial, Tape, Tensor, Unknown, Variable
from regrad.analysis.weights import names
from regrad.codemods.engine import imports, recording
from regrad.codemods.engine.effects import Reading, followed
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Rule, Safety, Withheld
from regrad.codemods.engine.surroundings import block_of, free_name, function_around, stored

_ADVICE = (
    "compute the loss under `with tf.GradientTape() as tape:` and call "
    "`optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))`"
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
        first = isinstance(event.optimizer, Optimizer) and event.optimizer.name.startswith("tf1.")
        if (
            isinstance(event.loss, Tensor)
            and event.tape is None
            and (keras or (first and eager))
            and not _in_graph(event)
        ):
            message = "`minimize` is given a tensor: its history is gone, so there is nothing to differentiate"
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
        if message is None and keras and not legacy and not _keras_2(program) and event.tape is None:
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
        graph = event.tape.fields.get("graph") and event.method == "gradients"
        if graph and id(event.node) not in seen and not _traced(event.frame):
            seen.add(id(event.node))
            yield Finding(
                "RG408",
                "minimize-precomputed",
                "`gradients` needs a graph: in eager code it raises, since nothing recorded how the loss was computed",
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
        return _tape_for_gradients(program, event)
    sink = next((sink for sink in program.sinks if sink.event is event), None)
    try:
        if sink is not None and _named_callable(event):
            has_minimize = isinstance(event.optimizer, Optimizer) and event.optimizer.name.startswith("tf1.")
            if has_minimize or _keras_2(program):
                return _into_callable(program, event, sink)
            return _tape_around_callable(program, event, sink)
        return _tape_around_statements(program, event, sink)
    except CannotMove as reason:
        return Withheld(str(reason), _ADVICE)


def _tape_for_gradients(program: Program, event: GradientTaken) -> Mendings:
    """Put the statement that computes the loss under a tape that watches the sources, and ask that tape."""
    from regrad.codemods.engine import moving

    path = event.frame.path
    advice = (
        "compute the loss under `with tf.GradientTape() as tape:`, watch what is no variable, and call `tape.gradient`"
    )
    statement = program.statement(event.node, path)
    node = event.node
    if statement is None or not isinstance(node, ast.Call) or not isinstance(event.target_node, ast.Name):
        return Withheld("the loss has no name of its own", advice)
    if not isinstance(event.sources_node, ast.Name):
        return Withheld("what the gradient is asked for has no name of its own", advice)
    block = block_of(program, statement, path)
    index = next(position for position, other in enumerate(block) if other is statement)
    name = event.target_node.id
    binding = [other for other in block[:index] if name in stored(other)]
    if len(binding) != 1 or hasattr(binding[0], "body"):
        return Withheld("the loss is computed in several places", advice)
    scope = function_around(program, statement, path) or program.trees[path]
    tape = free_name(program, path, scope, ("tape",))
    source = event.sources_node.id
    variable = isinstance(event.sources, Variable)
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    try:
        rewrite.wrap(
            binding,
            f"with {_tape_spelling(program, path)}() as {tape}:",
            lead="" if variable else f"{tape}.watch({source})",
        )
        # `tf.gradients` answers with a list, whatever it is asked for.
        rewrite.replace(node, f"{tape}.gradient({name}, [{source}])")
        edits = rewrite.edits()
    except CannotMove as reason:
        return Withheld(str(reason), advice)
    return (Mending("ask a tape for the gradient", Safety.SAFE, edits),)


def _named_callable(event: Minimized) -> bool:
    """Whether the loss is a callable that the program has elsewhere, and not a `lambda` on the spot."""
    return isinstance(event.loss, (Function, BoundMethod)) and not isinstance(_given(event), ast.Lambda)


def _given(event: Minimized) -> ast.expr:
    """The expression that is handed to `minimize` as the loss."""
    assert isinstance(event.node, ast.Call)
    keyword = next((keyword.value for keyword in event.node.keywords if keyword.arg == "loss"), None)
    given = event.node.args[0] if event.node.args else keyword
    if given is None:
        raise CannotMove("the loss is not named")
    return given


def _into_callable(program: Program, event: Minimized, sink: Sink) -> Mendings:
    edits = _edits_into_callable(program, event, sink)
    return (Mending("compute it inside the loss callable", Safety.SAFE, edits),)


def _edits_into_callable(program: Program, event: Minimized, sink: Sink) -> tuple[Edit, ...]:
    function = event.loss.function if isinstance(event.loss, BoundMethod) else event.loss
    if not isinstance(function, Function) or not isinstance(function.node, ast.FunctionDef):
        raise CannotMove("the loss is a `lambda`, in which nothing can be computed first")
    recorder = recording.Recorder(function.node, _frame_in(sink), None)
    return recording.bring_in(program, recorder, recording.missed(sink))


def _frame_in(sink: Sink) -> Frame:
    """The activation of the loss callable: where its result was put together."""
    event = sink.event
    assert isinstance(event, Minimized)
    function = event.loss.function if isinstance(event.loss, BoundMethod) else event.loss
    value = event.result
    frame = value.operation.frame if isinstance(value, Tensor) else None
    while frame is not None:
        if frame.function is function:
            return frame
        frame = frame.caller
    raise CannotMove("what the callable returns is computed somewhere else")


def _variables_text(program: Program, event: Minimized, tape: str) -> str:
    """What the gradients are asked for; without a list, or with that of a graph, all that the tape watched."""
    assert isinstance(event.node, ast.Call)
    node = next((keyword.value for keyword in event.node.keywords if keyword.arg == "var_list"), None)
    if node is None and len(event.node.args) > 1:
        node = event.node.args[1]
    if node is None:
        return f"{tape}.watched_variables()"
    if isinstance(node, ast.Lambda):
        node = node.body
    if (
        isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith((".trainable_variables", ".get_collection"))
        and isinstance(event.variables, Unknown)
    ):
        return f"{tape}.watched_variables()"
    return program.source(node, event.frame.path)


def _statement(program: Program, event: Minimized) -> ast.stmt:
    statement = program.statement(event.node, event.frame.path)
    if not isinstance(statement, ast.Expr) and not (
        isinstance(statement, ast.Assign)
        and statement.value is event.node
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
    ):
        raise CannotMove("`minimize` is part of a larger expression")
    return statement


def _replacement(program: Program, event: Minimized, loss: str, variables: str, statement: ast.stmt, tape: str) -> str:
    path = event.frame.path
    assert isinstance(event.node, ast.Call) and isinstance(event.node.func, ast.Attribute)
    optimizer = program.source(event.node.func.value, path)
    scope = function_around(program, statement, path) or program.trees[path]
    gradients = free_name(program, path, scope, ("gradients", "grads"))
    lines: list[str] = []
    if "(" in variables and not variables.isidentifier():
        name = free_name(program, path, scope, ("variables", "trainable_variables"))
        lines.append(f"{name} = {variables}")
        variables = name
    lines.append(f"{gradients} = {tape}.gradient({loss}, {variables})")
    lines.append(f"{optimizer}.apply_gradients(zip({gradients}, {variables}))")
    if isinstance(statement, ast.Assign):
        target = ast.unparse(statement.targets[0])
        uses = [
            node
            for node in ast.walk(scope)
            if isinstance(node, ast.Name) and node.id == target and isinstance(node.ctx, ast.Load)
        ]
        if uses:
            raise CannotMove("what `minimize` returns is used")
    return "\n".join(lines)


def _tape_spelling(program: Program, path: str) -> str:
    spelled = imports.spelled(program.trees[path], ("tensorflow.GradientTape", "tensorflow.compat.v1.GradientTape"))
    if spelled is None:
        raise CannotMove("the file does not import TensorFlow under a name")
    return spelled


def _tape_around_callable(program: Program, event: Minimized, sink: Sink) -> Mendings:
    """`minimize(loss_fn, v)` where there is none: call the function under a tape; what it missed moves into it."""
    from regrad.codemods.engine import moving

    path = event.frame.path
    statement = _statement(program, event)
    scope = function_around(program, statement, path) or program.trees[path]
    tape = free_name(program, path, scope, ("tape",))
    loss = free_name(program, path, scope, ("loss", "loss_value"))
    given = _given(event)
    if not isinstance(given, (ast.Name, ast.Attribute)):
        raise CannotMove("the callable has no name of its own")
    text = _replacement(program, event, loss, _variables_text(program, event, tape), statement, tape)
    call = f"{program.source(given, path)}()"
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    rewrite.insert(
        f"with {_tape_spelling(program, path)}() as {tape}:\n    {loss} = {call}\n{text}", moving.after(statement)
    )
    rewrite.remove([statement], keep_comments=True)
    edits = list(rewrite.edits())
    if not sink.path.connected and sink.path.lost:
        edits.extend(_edits_into_callable(program, event, sink))
    return (Mending("call the loss under a tape", Safety.SAFE, tuple(edits)),)


def _tape_around_statements(program: Program, event: Minimized, sink: Sink | None) -> Mendings:
    """Put the statements that compute the loss under a tape of their own, and apply its gradients."""
    from regrad.codemods.engine import moving

    path = event.frame.path
    statement = _statement(program, event)
    block = block_of(program, statement, path)
    index = next(position for position, other in enumerate(block) if other is statement)
    needed = _computing(program, event, sink, block[:index], path)
    scope = function_around(program, statement, path) or program.trees[path]
    tape = free_name(program, path, scope, ("tape",))
    loss = _loss_name(event)
    tail = ""
    if loss is None:
        given = _given(event)
        loss = free_name(program, path, scope, ("loss", "loss_value"))
        tail = f"{loss} = {program.source(given.body if isinstance(given, ast.Lambda) else given, path)}"
    text = _replacement(program, event, loss, _variables_text(program, event, tape), statement, tape)
    header = f"with {_tape_spelling(program, path)}() as {tape}:"
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    if not needed:
        rewrite.insert(f"{header}\n    {tail}\n{text}", moving.after(statement))
        rewrite.remove([statement], keep_comments=True)
        return (Mending("compute the loss under a tape", Safety.SAFE, rewrite.edits()),)
    first = next(position for position, other in enumerate(block) if other is needed[0])
    last = next(position for position, other in enumerate(block) if other is needed[-1])
    reading = Reading(program.trees[path])
    ordered = block[first : last + 1]
    if any(reading.of(other).leaves for other in ordered):
        raise CannotMove("a `return`, `break` or `continue` stands between the parts of the loss")
    needed = followed(reading, ordered, needed)
    if any(hasattr(other, "body") for other in needed):
        raise CannotMove("a block between the parts of the loss uses them")
    if tail and last < index:
        ordered = block[first:index]
        needed = followed(reading, ordered, needed)
        if any(hasattr(other, "body") or reading.of(other).leaves for other in needed):
            raise CannotMove("a block between the parts of the loss uses them")
    between = len(needed) < len(ordered)
    place = moving.before(statement) if tail else moving.before(needed[-1]) if between else None
    rewrite.wrap(needed, header, tail=tail, place=place)
    rewrite.insert(text, moving.after(statement))
    rewrite.remove([statement], keep_comments=True)
    return (Mending("compute the loss under a tape", Safety.SAFE, rewrite.edits()),)


def _loss_name(event: Minimized) -> str | None:
    """The name that holds the loss; None where it is an expression of its own."""
    given = _given(event)
    if isinstance(given, ast.Lambda):
        given = given.body
    return given.id if isinstance(given, ast.Name) else None


def _computing(
    program: Program, event: Minimized, sink: Sink | None, statements: Sequence[ast.stmt], path: str
) -> list[ast.stmt]:
    """The statements ahead of `minimize` that compute the loss, in order."""
    if isinstance(event.loss, Tensor) and (sink is None or sink.tape is None):
        # A tensor brings no recording at all: as if a tape had been opened by `minimize` itself.
        unaware = Tape(event.node, event.frame, event.serial, implicit=True)
        unaware.fields["#opened"] = event.serial
        sink = Sink("minimize", event, unaware, event.loss, event.variables)
    operations: list[Operation] = recording.missed(sink) if sink is not None and sink.path.lost else []
    found: dict[int, ast.stmt] = {}
    for operation in operations:
        place = place_in(operation.frame, operation.node, event.frame)
        owner = program.statement(place, path) if place is not None else None
        if owner is None or not any(owner is other for other in statements):
            raise CannotMove("the loss is computed in several places")
        if hasattr(owner, "body"):
            raise CannotMove("the loss is computed in a block of its own")
        found[id(owner)] = owner
    name = _loss_name(event)
    if not found and name is None:
        return []
    if not found:
        # The variables are not known, so neither is the path: what binds the loss by its name is what computes it.
        binding = [other for other in statements if name in stored(other)]
        if binding and not hasattr(binding[-1], "body"):
            return binding[-1:]
        raise CannotMove("where the loss is computed was not found in front of `minimize`")
    return sorted(found.values(), key=lambda statement: statement.lineno)


RULE = Rule(
    "RG408",
    "minimize-precomputed",
    "safe",
    "the same loss is computed from the same statements, under a tape, and the same optimizer applies its gradients",
    detect,
    mend,
)
