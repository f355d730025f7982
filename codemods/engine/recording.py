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
from regrad.analysis.values import Operation, Tape, Tensor, Unknown, Value
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit

_SHIFTING = ("random", "shuffle", "sample", "seed", "rand", "randn", "normal", "uniform")
"""Calls of these names draw random numbers: moving another draw across them would change both."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


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
        operation = value.operation if isinstance(value, (Tensor, Unknown)) else None
        if operation is not None and not _seen(flow, value, operation) and operation.kind != "join":
            found[id(operation)] = operation
        stack.extend(full._parts(value))
    return sorted(found.values(), key=lambda operation: operation.serial)


def _seen(flow: Flow, value: Value, operation: Operation) -> bool:
    if isinstance(value, Tensor):
        return flow.recorded(value)
    return flow.graph or flow.tape in operation.tapes


# -- names -------------------------------------------------------------------------------------------------------------


def stored(node: ast.AST) -> set[str]:
    """The names that a piece of code binds in its own scope."""
    names: set[str] = set()
    for inner in _own(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, (ast.Store, ast.Del)):
            names.add(inner.id)
        elif isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(inner.name)
        elif isinstance(inner, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in inner.names)
    return names


def loaded(node: ast.AST) -> set[str]:
    """The names that a piece of code reads."""
    names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)}
    names.update(
        inner.target.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name)
    )
    return names


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement without the bodies of functions and classes defined in it."""
    stack: list[ast.AST] = [node]
    while stack:
        current = stack.pop()
        yield current
        if current is not node and isinstance(current, (*_FUNCTIONS, ast.ClassDef)):
            continue
        if current is node and isinstance(current, (*_FUNCTIONS, ast.ClassDef)):
            continue
        stack.extend(ast.iter_child_nodes(current))


def attributes_stored(node: ast.AST) -> set[str]:
    """The attributes that a piece of code writes, as text (`self.loss`)."""
    return {
        ast.unparse(inner)
        for inner in _own(node)
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store)
    }


def _shifts(node: ast.AST) -> bool:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            name = (
                inner.func.attr
                if isinstance(inner.func, ast.Attribute)
                else inner.func.id
                if isinstance(inner.func, ast.Name)
                else ""
            )
            if any(word in name.lower() for word in _SHIFTING):
                return True
    return False


# -- blocks ------------------------------------------------------------------------------------------------------------


def block_of(program: Program, statement: ast.stmt, path: str) -> list[ast.stmt]:
    """The list of statements in which a statement stands."""
    parent = program.parents(path).get(statement)
    for _, value in ast.iter_fields(parent) if parent is not None else ():
        if isinstance(value, list) and any(item is statement for item in value):
            return value
    raise CannotMove("its block was not found")


def owners(program: Program, node: ast.AST, path: str) -> list[ast.AST]:
    """The nodes around a node, from the inside out."""
    parents = program.parents(path)
    chain: list[ast.AST] = []
    current = parents.get(node)
    while current is not None:
        chain.append(current)
        current = parents.get(current)
    return chain


def function_around(program: Program, node: ast.AST, path: str) -> ast.AST | None:
    """The function in whose body a node stands; None at the top of a module or class."""
    return next(
        (owner for owner in owners(program, node, path) if isinstance(owner, (*_FUNCTIONS, ast.ClassDef))), None
    )


# -- the mendings ------------------------------------------------------------------------------------------------------


def bring_in(program: Program, recorder: Recorder, operations: Sequence[Operation]) -> tuple[Edit, ...]:
    """The edits that let the recorder see these operations; raises `CannotMove` with the reason where that cannot be done without harm."""
    path = recorder.frame.path
    inside: list[ast.stmt] = []
    outside: list[ast.stmt] = []
    for operation in operations:
        place = _place(operation, recorder.frame)
        around = _enclosing_place(operation, recorder.frame) if place is None else None
        if around is not None:
            statement = program.statement(around, path)
            if statement is not None and statement not in outside:
                outside.append(statement)
            continue
        if place is None:
            return _through_argument(program, recorder, operations)
        statement = program.statement(place, path)
        if statement is None:
            raise CannotMove("the operation is not part of a statement that could be moved")
        if statement not in inside:
            inside.append(statement)
    if outside:
        return _from_around(program, recorder, outside)
    return _within(program, recorder, inside)


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


def _before(one: ast.stmt, other: ast.stmt) -> bool:
    return (one.lineno, one.col_offset) < (other.lineno, other.col_offset)


def _within(program: Program, recorder: Recorder, statements: list[ast.stmt]) -> tuple[Edit, ...]:
    """Move statements of the same function into the recorder's body: those before it to its start, those behind it to its end."""
    from regrad.codemods.engine import moving

    path, owner = recorder.frame.path, recorder.owner
    around = owners(program, owner, path)
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    ahead = sorted((s for s in statements if _before(s, owner)), key=lambda s: s.lineno)
    behind = sorted((s for s in statements if not _before(s, owner)), key=lambda s: s.lineno)
    for statement in statements:
        if hasattr(statement, "body"):
            raise CannotMove(
                "the operation stands in a block of its own (a loop or a branch) that would have to move as a whole"
            )
        holder = program.parents(path).get(statement)
        if holder is not owner and holder not in around:
            raise CannotMove(
                "the operation stands in another block than the tape, so moving it would change when it runs"
            )
    if ahead:
        _move_down(program, rewrite, owner, ahead, path)
    if behind:
        _move_up(program, rewrite, owner, behind, path)
    return rewrite.edits()


def _move_down(program: Program, rewrite: object, owner: ast.stmt, statements: list[ast.stmt], path: str) -> None:
    from regrad.codemods.engine import moving

    assert isinstance(rewrite, moving.Rewrite)
    around = owners(program, owner, path)
    moved = list(statements)
    first = statements[0]
    block = block_of(program, first, path)
    anchor = _anchor(program, owner, block, around, path)
    between = block[_index(block, first) : _index(block, anchor)]
    if any(statement not in between for statement in statements):
        # Several blocks around the tape hold parts of it: each must follow the one before without anything in between to upset.
        if any(not any(statement is other for other in block_of(program, statement, path)) for statement in statements):
            raise CannotMove("the operations stand in several blocks")
    names = set().union(*(stored(statement) for statement in moved))
    rest: list[ast.stmt] = []
    for statement in between:
        if statement in moved:
            continue
        # What uses the moved values has to follow them, in the same order.
        if loaded(statement) & names or _shifts(statement) or attributes_stored(statement) & _attributes_loaded(moved):
            moved.append(statement)
            names |= stored(statement)
        else:
            rest.append(statement)
    moved.sort(key=lambda statement: statement.lineno)
    wanted = set().union(*(loaded(statement) for statement in moved))
    if any(stored(statement) & wanted and _before(moved[0], statement) for statement in rest):
        # A name that the moved code reads is bound anew on the way: only the whole stretch can move in order.
        moved = list(between)
        wanted = set().union(*(loaded(statement) for statement in moved))
    for statement in moved:
        if hasattr(statement, "body") and not isinstance(statement, (ast.With, ast.If, ast.For)):
            raise CannotMove("a function or class that is defined in between uses the value")
        if any(isinstance(inner, (ast.Return, ast.Break, ast.Continue)) for inner in _own(statement)):
            raise CannotMove("a `return`, `break` or `continue` stands between the operation and the tape")
    loops = [
        node for node in around if isinstance(node, (ast.For, ast.While)) and node not in owners(program, first, path)
    ]
    for loop in loops:
        if stored(loop) & (wanted - names) - stored_in_target(loop):
            raise CannotMove(
                "the loop around the tape rebinds a name that the operation reads, so it would compute something else in there"
            )
    rewrite.move(moved, moving.at_start(owner))


def stored_in_target(loop: ast.AST) -> set[str]:
    """The loop variables themselves: code from outside the loop cannot have read them."""
    return stored(loop.target) if isinstance(loop, ast.For) else set()


def _attributes_loaded(statements: Iterable[ast.stmt]) -> set[str]:
    return {
        ast.unparse(inner)
        for statement in statements
        for inner in ast.walk(statement)
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Load)
    }


def _anchor(program: Program, owner: ast.stmt, block: list[ast.stmt], around: list[ast.AST], path: str) -> ast.stmt:
    """The statement of `block` that is, or holds, the recorder."""
    for node in (owner, *around):
        if any(node is statement for statement in block):
            assert isinstance(node, ast.stmt)
            return node
    raise CannotMove("the operation stands in another block than the tape")


def _index(block: list[ast.stmt], statement: ast.stmt) -> int:
    return next(index for index, other in enumerate(block) if other is statement)


def _move_up(program: Program, rewrite: object, owner: ast.stmt, statements: list[ast.stmt], path: str) -> None:
    from regrad.codemods.engine import moving

    assert isinstance(rewrite, moving.Rewrite)
    block = block_of(program, owner, path)
    if any(not any(statement is other for other in block) for statement in statements):
        raise CannotMove("the operation stands in another block than the tape, so moving it would change when it runs")
    last = max(_index(block, statement) for statement in statements)
    between = block[_index(block, owner) + 1 : last + 1]
    moved = [statement for statement in between if statement in statements]
    # Whatever they read that is bound behind the tape has to come along.
    changed = True
    while changed:
        changed = False
        for statement in between:
            if statement in moved:
                continue
            later = [other for other in moved if _before(statement, other)]
            needed = set().union(set(), *(loaded(other) for other in later)) & stored(statement)
            touched = attributes_stored(statement) & _attributes_loaded(later)
            if needed or touched or (later and _shifts(statement) and any(_shifts(other) for other in later)):
                moved.append(statement)
                changed = True
    moved.sort(key=lambda statement: statement.lineno)
    for statement in moved:
        if any(isinstance(inner, (ast.Return, ast.Break, ast.Continue, ast.Yield)) for inner in _own(statement)):
            raise CannotMove("a `return`, `break` or `continue` stands between the tape and the loss")
    names = set().union(*(stored(statement) for statement in moved))
    for statement in between:
        if statement not in moved and stored(statement) & names:
            raise CannotMove("a name is bound twice between the tape and the loss")
        if (
            statement not in moved
            and loaded(statement) & names
            and any(_before(statement, other) and stored(other) & loaded(statement) for other in moved)
        ):
            raise CannotMove("a statement between the tape and the loss reads the old value of a name")
    rewrite.move(moved, moving.at_end(owner))


def _from_around(program: Program, recorder: Recorder, statements: list[ast.stmt]) -> tuple[Edit, ...]:
    """Move statements from a scope around the recorder's function into it; they stay where other code uses what they bind."""
    from regrad.codemods.engine import moving

    path, owner = recorder.frame.path, recorder.owner
    function = owner if isinstance(owner, _FUNCTIONS) else function_around(program, owner, path)
    if function is None:
        raise CannotMove("the tape stands in no function")
    statements.sort(key=lambda statement: statement.lineno)
    names = set().union(*(stored(statement) for statement in statements))
    own = {inner.id for inner in ast.walk(function) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
    own |= {argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)}
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
    scope = next((node for node in body if isinstance(node, (*_FUNCTIONS, ast.Module))), program.trees[path])
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


def stored_locally(scope: ast.AST) -> set[str]:
    """The parameters and local names of a function."""
    names = {argument.arg for argument in ast.walk(scope) if isinstance(argument, ast.arg)}
    for statement in getattr(scope, "body", ()):
        if isinstance(statement, ast.stmt):
            names |= stored(statement)
    return names


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


def free_name(program: Program, path: str, within: ast.AST, wishes: Sequence[str]) -> str:
    """The first of some names that the code does not use yet."""
    taken = {node.id for node in ast.walk(within) if isinstance(node, ast.Name)} | {
        node.arg for node in ast.walk(within) if isinstance(node, ast.arg)
    }
    for wish in wishes:
        if wish not in taken:
            return wish
    number = 2
    while f"{wishes[0]}_{number}" in taken:
        number += 1
    return f"{wishes[0]}_{number}"


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
