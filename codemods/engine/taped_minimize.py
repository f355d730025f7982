"""`minimize` written out: the loss under a tape, or inside its callable, and the gradients applied."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from regrad.analysis.events import Minimized
from regrad.analysis.frames import Frame, Scope, place_in
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import BoundMethod, Function, Operation, Optimizer, Partial, Tensor, Unknown, Variable
from regrad.codemods.engine import imports, recording
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.effects import followed, reading_of
from regrad.codemods.engine.fresh_tape import FreshTape, refuse_other_block
from regrad.codemods.engine.lambda_written_out import written_out
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.leading_up import operations_behind
from regrad.codemods.engine.missed import missed
from regrad.codemods.engine.rule import Edit, Mending, Mendings, Safety
from regrad.codemods.engine.surroundings import block_of, free_name, function_around, stored


def is_named_callable(event: Minimized) -> bool:
    """Whether the loss is a callable that the program has elsewhere, and not a `lambda` on the spot."""
    return isinstance(event.loss, (Function, BoundMethod)) and not isinstance(given_loss(event), ast.Lambda)


def into_callable(program: Program, event: Minimized, sink: Sink) -> Mendings:
    edits = _edits_into_callable(program, event, sink)
    return (Mending("compute it inside the loss callable", Safety.SAFE, edits),)


def tape_around_callable(program: Program, event: Minimized, sink: Sink) -> Mendings:
    """`minimize(loss_fn, v)` where there is none: call the function under a tape; what it missed moves into it."""
    from regrad.codemods.engine import moving

    path = event.frame.path
    statement = _statement(program, event)
    scope = function_around(program, statement, path) or program.trees[path]
    tape = free_name(program, path, scope, ("tape",))
    loss = free_name(program, path, scope, ("loss", "loss_value"))
    given = given_loss(event)
    if not isinstance(given, (ast.Name, ast.Attribute)):
        raise CannotMove("the callable has no name of its own")
    text = _replacement(program, event, loss, _variables_text(program, event, tape), statement, tape)
    call = f"{program.source(given, path)}()"
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    rewrite.insert(
        f"with {tape_spelling(program, path)}() as {tape}:\n    {loss} = {call}\n{text}", moving.after(statement)
    )
    rewrite.remove([statement], keep_comments=True)
    edits = list(rewrite.edits())
    if not sink.path.connected and sink.path.lost:
        edits.extend(_edits_into_callable(program, event, sink))
    return (Mending("call the loss under a tape", Safety.SAFE, tuple(edits)),)


def tape_around_statements(
    program: Program, event: Minimized, sink: Sink | None, fresh: FreshTape | None = None
) -> Mendings:
    """Put the statements that compute the loss under a tape of their own, and apply its gradients.

    Where `minimize` takes a tape and was given a fresh one, that one records them, and `minimize` stays.
    """
    from regrad.codemods.engine import moving

    path = event.frame.path
    statement = _statement(program, event)
    block = block_of(program, statement, path)
    index = next(position for position, other in enumerate(block) if other is statement)
    try:
        needed = _computing(program, event, sink, block[:index], path)
    except CannotMove as reason:
        if fresh is not None:
            raise
        try:
            return _tape_in_loop(program, event, sink)
        except CannotMove:
            raise reason from None
    scope = function_around(program, statement, path) or program.trees[path]
    tape = free_name(program, path, scope, ("tape",))
    loss = _loss_name(event)
    tail = ""
    if fresh is not None:
        return _recorded_by(program, event, fresh, needed, tape)
    if loss is None:
        given = given_loss(event)
        loss = free_name(program, path, scope, ("loss", "loss_value"))
        value = given.body if isinstance(given, ast.Lambda) else given
        called = "()" if isinstance(event.loss, Partial) and value is given else ""
        tail = f"{loss} = {program.source(value, path)}{called}"
    text = _replacement(program, event, loss, _variables_text(program, event, tape), statement, tape)
    header = f"with {tape_spelling(program, path)}() as {tape}:"
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    if not needed:
        rewrite.insert(f"{header}\n    {tail}\n{text}", moving.after(statement))
        rewrite.remove([statement], keep_comments=True)
        return (Mending("compute the loss under a tape", Safety.SAFE, rewrite.edits()),)
    first = next(position for position, other in enumerate(block) if other is needed[0])
    last = next(position for position, other in enumerate(block) if other is needed[-1])
    reading = reading_of(program.trees[path])
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


def _tape_in_loop(program: Program, event: Minimized, sink: Sink | None) -> Mendings:
    """What computes the loss once, ahead of the loop that minimizes it, moves into the loop under a tape."""
    from regrad.codemods.engine import moving
    from regrad.codemods.engine.passage import Passage

    path, statement, loss = event.frame.path, _statement(program, event), _loss_name(event)
    needed: list[ast.stmt] = []
    for operation in _behind_loss(event, sink):
        place = place_in(operation.frame, operation.node, event.frame)
        owner = program.statement(place, path) if place is not None else None
        if owner is None or hasattr(owner, "body"):
            raise CannotMove("the loss is computed in a block of its own")
        if owner not in needed:
            needed.append(owner)
    needed.sort(key=lambda each: each.lineno)
    if loss is None or not needed or loss not in stored(needed[-1]):
        raise CannotMove("the loss has no name of its own")
    if any(stored(each) & stored(other) for index, each in enumerate(needed) for other in needed[:index]):
        raise CannotMove("the parts of the loss go by one name")
    Passage(program, statement, path).check_into_loop(needed)
    scope = function_around(program, statement, path) or program.trees[path]
    tape = free_name(program, path, scope, ("tape",))
    text = _replacement(program, event, loss, _variables_text(program, event, tape), statement, tape)
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    rewrite.wrap(needed, f"with {tape_spelling(program, path)}() as {tape}:", place=moving.before(statement))
    rewrite.insert(text, moving.after(statement))
    rewrite.remove([statement], keep_comments=True)
    return (Mending("compute the loss under a tape, in each turn of the loop", Safety.SAFE, rewrite.edits()),)


def _recorded_by(program: Program, event: Minimized, fresh: FreshTape, needed: list[ast.stmt], tape: str) -> Mendings:
    """The tape that `minimize` was given, opened around what computes the loss."""
    from regrad.codemods.engine import moving

    path, given = event.frame.path, given_loss(event)
    statement = _statement(program, event)
    block = block_of(program, statement, path)
    refuse_other_block(program, fresh, block)
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    if fresh.statement is None:
        rewrite.replace(fresh.given, tape)
    else:
        tape = program.source(fresh.given, path)
        rewrite.remove([fresh.statement], keep_comments=True)
    header = f"with {program.source(fresh.maker, path)} as {tape}:"
    tail = ""
    if not isinstance(given, (ast.Name, ast.Attribute, ast.Subscript)):
        scope = function_around(program, statement, path) or program.trees[path]
        loss = free_name(program, path, scope, ("loss", "loss_value"))
        tail = f"{loss} = {program.source(given, path)}"
        rewrite.replace(given, loss)
    if not needed and not tail:
        raise CannotMove("where the loss is computed was not found in front of `minimize`")
    if not needed:
        rewrite.insert(f"{header}\n    {tail}", moving.before(statement))
    else:
        first = next(position for position, other in enumerate(block) if other is needed[0])
        ordered = [other for other in block[first:] if other.lineno < statement.lineno and other is not fresh.statement]
        reading = reading_of(program.trees[path])
        last = len(ordered) if tail else next(at for at, other in enumerate(ordered) if other is needed[-1]) + 1
        needed = followed(reading, ordered[:last], needed)
        if any(hasattr(other, "body") or reading.of(other).leaves for other in ordered[:last]):
            raise CannotMove("a block stands between the parts of the loss")
        between = len(needed) < last
        place = moving.before(statement) if tail else moving.before(needed[-1]) if between else None
        rewrite.wrap(needed, header, tail=tail, place=place)
    return (Mending("record the loss on the tape that `minimize` is given", Safety.SAFE, rewrite.edits()),)


def _edits_into_callable(program: Program, event: Minimized, sink: Sink) -> tuple[Edit, ...]:
    function = event.loss.function if isinstance(event.loss, BoundMethod) else event.loss
    if isinstance(function, Function) and isinstance(function.node, ast.Lambda):
        return written_out(program, event, sink, function.node)
    if not isinstance(function, Function) or not isinstance(function.node, ast.FunctionDef):
        raise CannotMove("the loss callable is not written in this program")
    recorder = recording.Recorder(function.node, _frame_in(sink), None)
    return recording.bring_in(program, recorder, missed(sink))


def _frame_in(sink: Sink) -> Frame:
    """The activation of the loss callable: where its result was put together.

    A function that only hands over what it sees around it put nothing together; it stands where it was called.
    """
    event = sink.event
    assert isinstance(event, Minimized)
    function = event.loss.function if isinstance(event.loss, BoundMethod) else event.loss
    value = event.result
    frame = value.operation.frame if isinstance(value, Tensor) else None
    while frame is not None:
        if frame.function is function:
            return frame
        frame = frame.caller
    if isinstance(function, Function) and function is event.loss and isinstance(value, Tensor):
        return Frame(function.module, Scope(function.scope), function, event.node, event.frame)
    raise CannotMove("what the callable returns is computed somewhere else")


def given_loss(event: Minimized) -> ast.expr:
    """The expression that is handed to `minimize` as the loss."""
    assert isinstance(event.node, ast.Call)
    keyword = next((keyword.value for keyword in event.node.keywords if keyword.arg == "loss"), None)
    given = event.node.args[0] if event.node.args else keyword
    if given is None:
        raise CannotMove("the loss is not named")
    return given


def _variables_text(program: Program, event: Minimized, tape: str) -> str:
    """What the gradients are asked for; without a list, or with that of a graph, all that the tape watched."""
    assert isinstance(event.node, ast.Call)
    node = next((keyword.value for keyword in event.node.keywords if keyword.arg == "var_list"), None)
    position = 2 if of_tensorflow_1(event) else 1
    if node is None and len(event.node.args) > position:
        node = event.node.args[position]
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
    if statement is None or not (isinstance(statement, ast.Expr) or binding(statement, event.node)):
        raise CannotMove("`minimize` is part of a larger expression")
    return statement


def _replacement(program: Program, event: Minimized, loss: str, variables: str, statement: ast.stmt, tape: str) -> str:
    path = event.frame.path
    assert isinstance(event.node, ast.Call) and isinstance(event.node.func, ast.Attribute)
    optimizer = program.source(event.node.func.value, path)
    scope = function_around(program, statement, path) or program.trees[path]
    one = isinstance(event.variables, Variable)
    gradients = free_name(program, path, scope, ("gradient", "grad") if one else ("gradients", "grads"))
    lines: list[str] = []
    if "(" in variables and not variables.isidentifier():
        name = free_name(program, path, scope, ("variables", "trainable_variables"))
        lines.append(f"{name} = {variables}")
        variables = name
    lines.append(f"{gradients} = {tape}.gradient({loss}, {variables})")
    pairs = f"[({gradients}, {variables})]" if one else f"zip({gradients}, {variables})"
    lines.append(f"{optimizer}.apply_gradients({pairs}{_counted(program, event)})")
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


def of_tensorflow_1(event: Minimized) -> bool:
    """Whether the optimizer is one of TensorFlow 1, whose `minimize` takes a counter of steps in second place."""
    return isinstance(event.optimizer, Optimizer) and event.optimizer.name.startswith("tf1.")


def _counted(program: Program, event: Minimized) -> str:
    """The counter of steps that `minimize` was given, as `apply_gradients` takes it."""
    call = event.node
    if not isinstance(call, ast.Call) or not of_tensorflow_1(event):
        return ""
    counter = next((word.value for word in call.keywords if word.arg == "global_step"), None)
    if counter is None and len(call.args) > 1:
        counter = call.args[1]
    if counter is None or (isinstance(counter, ast.Constant) and counter.value is None):
        return ""
    return f", global_step={program.source(counter, event.frame.path)}"


def tape_spelling(program: Program, path: str) -> str:
    spelled = imports.spelled(program.trees[path], ("tensorflow.GradientTape", "tensorflow.compat.v1.GradientTape"))
    if spelled is None:
        raise CannotMove("the file does not import TensorFlow under a name")
    return spelled


def _loss_name(event: Minimized) -> str | None:
    """The name that holds the loss; None where it is an expression of its own."""
    given = given_loss(event)
    if isinstance(given, ast.Lambda):
        given = given.body
    return given.id if isinstance(given, ast.Name) and not isinstance(event.loss, Partial) else None


def _behind_loss(event: Minimized, sink: Sink | None) -> list[Operation]:
    """The operations between the variables and the loss that nothing records."""
    if isinstance(event.loss, Tensor) and (sink is None or sink.tape is None):
        # A tensor brings no recording at all: as if a tape had been opened by `minimize` itself.
        return operations_behind(event, event.loss, event.variables)
    return missed(sink) if sink is not None and sink.path.lost else []


def _computing(
    program: Program, event: Minimized, sink: Sink | None, statements: Sequence[ast.stmt], path: str
) -> list[ast.stmt]:
    """The statements ahead of `minimize` that compute the loss, in order."""
    operations = _behind_loss(event, sink)
    found: dict[int, ast.stmt] = {}
    for operation in operations:
        place = place_in(operation.frame, operation.node, event.frame)
        owner = program.statement(place, path) if place is not None else None
        if owner is not None and place is not None and owner is program.statement(event.node, path):
            continue  # it runs in what is handed over, which moves under the tape as a whole
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
