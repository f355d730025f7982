"""Brings statements under a tape (or into a loss callable): which ones a target needs, and where they have to go.

Three situations are told apart by where the operation stands that the tape missed: in the function of the tape itself or a block
around it (the statement moves); in a scope around that function (it moves into the function); in a caller that hands the result over
as an argument (the argument is replaced by what it was computed from).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from regrad.analysis.cut import CutKind
from regrad.analysis.flow import Flow, FoundCut, sources_of
from regrad.analysis.frames import Frame, place_in
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Operation, Tape, Tensor, Unknown, Value, Variable
from regrad.codemods.engine.effects import FUNCTIONS
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import function_around, loaded, owners, stored, stored_locally


@dataclass(frozen=True, eq=False)
class Recorder:
    """What records: the body of a `with tape:` statement, or that of the function handed to `minimize`."""

    owner: ast.With | ast.AsyncWith | ast.FunctionDef
    frame: Frame
    tape: Tape | None


def missed(sink: Sink) -> list[Operation]:
    """The operations on the way from the target to the lost sources that the tape did not see, in the order in which they ran."""
    lost: dict[int, Value] = {id(value): value for value in sink.path.lost}
    for value in sink.path.lost:
        if isinstance(value, Unknown):
            lost[id(value.root())] = value.root()
    items, _ = sources_of(sink.sources)
    full = Flow(sink.tape, full=True, marks=items)
    flow = Flow(sink.tape)
    found: dict[int, Operation] = {}
    seen: set[int] = set()
    stack: list[Value] = [sink.target]
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if not any(key in lost for key in full.reach(value).sources) or (
            id(value) in lost and isinstance(value, Tensor)
        ):
            continue
        if isinstance(value, Variable):
            continue  # what was assigned to it earlier is no part of this computation
        operation = value.operation if isinstance(value, (Tensor, Unknown)) else None
        if operation is not None and not _seen(flow, value, operation) and operation.kind != "join":
            found[id(operation)] = operation
        stack.extend(full._parts(value))
    return sorted(found.values(), key=lambda operation: operation.serial)


def _seen(flow: Flow, value: Value, operation: Operation) -> bool:
    if isinstance(value, Tensor):
        return flow.recorded(value)
    return flow.graph or flow.tape in operation.tapes


# -- the mendings ------------------------------------------------------------------------------------------------------


def bring_in(program: Program, recorder: Recorder, operations: Sequence[Operation]) -> tuple[Edit, ...]:
    """The edits that let the recorder see these operations; raises `CannotMove` with the reason where that cannot be done without harm."""
    from regrad.codemods.engine import moving
    from regrad.codemods.engine.passage import Passage

    path = recorder.frame.path
    inside: list[ast.stmt] = []
    outside: list[ast.stmt] = []
    for operation in operations:
        place = _place(operation, recorder.frame)
        around = _enclosing_place(operation, recorder.frame) if place is None else None
        if place is None and around is None:
            return _through_argument(program, recorder, operations)
        statement = program.statement(place if place is not None else around, path)  # type: ignore[arg-type]
        if statement is None:
            raise CannotMove("the operation is not part of a statement that could be moved")
        found = inside if place is not None else outside
        if not any(statement is other for other in found):
            found.append(statement)
    if outside:
        return _from_around(program, recorder, outside, operations)
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    Passage(program, recorder.owner, path).bring(rewrite, inside)
    return rewrite.edits()


def _place(operation: Operation, frame: Frame) -> ast.AST | None:
    return place_in(operation.frame, operation.node, frame)


def _enclosing_place(operation: Operation, frame: Frame) -> ast.AST | None:
    """Where the operation stands in a scope around the function of `frame`."""
    current = operation.frame
    while current is not None:
        if current.path == frame.path and _encloses(current, frame):
            place = place_in(operation.frame, operation.node, current)
            # Where the same call led to the recorder, it is the caller that hands the value over: nothing there can move.
            return None if place is not None and place is place_in(frame, frame.call, current) else place
        current = current.caller
    return None


def _encloses(outer: Frame, inner: Frame) -> bool:
    """Whether the names of `outer` are seen in `inner` because its function is defined there."""
    if inner.function is None:
        return False
    scope = inner.function.scope
    while scope is not None:
        if scope is outer.scope:
            return True
        scope = scope.parent  # type: ignore[assignment]
    return False


def _from_around(
    program: Program, recorder: Recorder, statements: list[ast.stmt], operations: Sequence[Operation]
) -> tuple[Edit, ...]:
    """Move statements from a scope around the recorder's function into it; they stay where other code uses what they bind."""
    from regrad.codemods.engine import moving

    path, owner = recorder.frame.path, recorder.owner
    function = owner if isinstance(owner, FUNCTIONS) else function_around(program, owner, path)
    if function is None:
        raise CannotMove("the tape stands in no function")
    statements.sort(key=lambda statement: statement.lineno)
    names = set().union(*(stored(statement) for statement in statements))
    own = {inner.id for inner in ast.walk(function) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
    own |= {argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)}
    if not names & (loaded(function) - own):
        # The function does not read them from around itself: its caller hands them over.
        return _through_argument(program, recorder, operations)
    if names & own or set().union(*(loaded(statement) for statement in statements)) & own:
        raise CannotMove("the function of the tape uses the same names for other things")
    if any(isinstance(inner, (ast.Global, ast.Nonlocal)) for inner in ast.walk(function)):
        raise CannotMove("the function of the tape declares global names")
    if any(hasattr(statement, "body") or isinstance(statement, ast.AugAssign) for statement in statements):
        raise CannotMove("the operation stands in a block of its own")
    used = False
    for node in ast.walk(program.trees[path]):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
            holders = owners(program, node, path)
            if function not in holders and program.statement(node, path) not in statements:
                used = True
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    if used:
        rewrite.copy(statements, moving.at_start(owner))
    else:
        rewrite.move(statements, moving.at_start(owner))
    return rewrite.edits()


def _through_argument(program: Program, recorder: Recorder, operations: Sequence[Operation]) -> tuple[Edit, ...]:
    """A caller computed the prediction and hands it over: hand over what it was computed from, and compute it under the tape."""
    from regrad.codemods.engine import moving

    frame, path = recorder.frame, recorder.frame.path
    function = frame.function
    caller = frame.caller
    if (
        function is None
        or caller is None
        or not isinstance(frame.call, ast.Call)
        or isinstance(function.node, ast.Lambda)
    ):
        raise CannotMove("the operation runs in other code than the tape, so it would have to be called there")
    call = frame.call
    if caller.path != path or call is function.node:
        raise CannotMove("the operation runs in a function of another file than the tape")
    places = {id(place): place for operation in operations if (place := _place(operation, caller)) is not None}
    statements = {id(s): s for place in places.values() if (s := program.statement(place, path)) is not None}
    if len(places) == 0 or len(statements) != 1:
        raise CannotMove("the operation is computed in several steps before the tape's function is called")
    statement = next(iter(statements.values()))
    if not (
        isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name)
    ):
        raise CannotMove("the result is not kept in a plain name")
    name = statement.targets[0].id
    if len(_calls_of(program, function.node, path)) != 1:
        raise CannotMove("the tape's function is called from several places")
    parameters = [argument.arg for argument in function.node.args.args]
    positions = [
        index for index, argument in enumerate(call.args) if isinstance(argument, ast.Name) and argument.id == name
    ]
    if len(positions) != 1 or call.keywords or any(isinstance(argument, ast.Starred) for argument in call.args):
        raise CannotMove("the result is not handed over as one plain argument")
    offset = 1 if parameters[:1] == ["self"] else 0
    parameter = parameters[positions[0] + offset]
    body = owners(program, statement, path)
    scope = next((node for node in body if isinstance(node, (*FUNCTIONS, ast.Module))), program.trees[path])
    uses = [
        n
        for n in ast.walk(scope)
        if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load) and n is not call.args[positions[0]]
    ]
    if uses:
        raise CannotMove(f"`{name}` is used elsewhere too")
    callee = statement.value.func if isinstance(statement.value, ast.Call) else None
    if callee is None or not isinstance(callee, (ast.Name, ast.Attribute)):
        raise CannotMove("the result is not simply that of a call")
    fixed = {inner.id for inner in ast.walk(callee) if isinstance(inner, ast.Name)}
    inputs = sorted(loaded(statement.value) - fixed)
    locals_here = stored_locally(scope) if not isinstance(scope, ast.Module) else set()
    if fixed & locals_here - {"self"}:
        raise CannotMove("the model is a local name of the caller, which the tape's function does not see")
    if len(inputs) != 1:
        raise CannotMove("the call takes several inputs")
    handed = inputs[0]
    inner_names = {n.id for n in ast.walk(function.node) if isinstance(n, ast.Name)} | set(parameters)
    if handed in inner_names - {parameter}:
        raise CannotMove(f"the tape's function already uses the name `{handed}`")
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    text = program.source(statement.value, path)
    rewrite.insert(f"{parameter} = {text}", moving.at_start(recorder.owner))
    rewrite.remove([statement])
    rewrite.replace(call.args[positions[0]], handed)
    edits = list(rewrite.edits())
    argument = function.node.args.args[positions[0] + offset]
    span = program.files[path].span(argument)
    if argument.annotation is None:
        edits.append(Edit(path, span, handed))
    else:
        raise CannotMove("the parameter is annotated as what it is now")
    for node in ast.walk(function.node):
        if (
            isinstance(node, ast.Name)
            and node.id == parameter
            and isinstance(node.ctx, ast.Load)
            and recorder.owner not in owners(program, node, path)
        ):
            if _before_node(node, recorder.owner):
                raise CannotMove(f"`{parameter}` is used before the tape")
    return tuple(edits)


def _before_node(one: ast.expr, other: ast.stmt) -> bool:
    return (one.lineno, one.col_offset) < (other.lineno, other.col_offset)


def _calls_of(program: Program, function: ast.FunctionDef | ast.AsyncFunctionDef, path: str) -> list[ast.Call]:
    found = []
    for node in ast.walk(program.trees[path]):
        if isinstance(node, ast.Call):
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else node.func.id
                if isinstance(node.func, ast.Name)
                else None
            )
            if name == function.name:
                found.append(node)
    return found


def recorder_of(program: Program, tape: Tape) -> Recorder | None:
    """The `with` statement of a tape, where there is exactly one."""
    from regrad.analysis.events import TapeOpened

    found = [event for event in program.of(TapeOpened) if event.tape is tape and event.statement is not None]
    statements = {id(event.statement) for event in found}
    if len(statements) != 1 or found[0].statement is None:
        return None
    return Recorder(found[0].statement, found[0].frame, tape)


@dataclass(frozen=True, eq=False)
class Report:
    """A sink that lost sources to cuts of some kinds: the cut to point at, and every source lost there."""

    sink: Sink
    cut: FoundCut
    node: ast.AST
    frame: Frame
    sources: tuple[Value, ...]


def reports(program: Program, kinds: Iterable[CutKind], sink_kinds: tuple[str, ...] = ("tape",)) -> Iterator[Report]:
    """The sinks whose sources were lost because the tape did not see an operation; each place once."""
    wanted = frozenset(kinds)
    seen: set[tuple[str, int]] = set()
    for sink in program.sinks:
        if sink.kind not in sink_kinds or not sink.path.lost or sink.path.anything:
            continue
        for cut in sink.cuts:
            if cut.kind not in wanted or cut.operation is None or cut.node is None or cut.frame is None:
                continue
            recorder = recorder_of(program, sink.tape) if sink.tape is not None else None
            node, frame = cut.node, cut.frame
            # The reader of the report looks at the code around the tape, or else at that which called it.
            around: Frame | None = recorder.frame if recorder is not None else None
            while around is not None:
                place = place_in(cut.frame, cut.node, around)
                if place is not None:
                    node, frame = place, around
                    break
                around = around.caller
            if (frame.path, id(node)) not in seen:
                seen.add((frame.path, id(node)))
                yield Report(sink, cut, node, frame, sink.path.lost if sink.dead else cut.sources)
