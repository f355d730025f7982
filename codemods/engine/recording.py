"""Brings statements under a tape (or into a loss callable): which ones a target needs, and where they have to go.

Three situations are told apart by where the operation stands that the tape missed: in the function of the tape itself
or a block around it (the statement moves); in a scope around that function (it moves into the function); in a caller
that hands the result over as an argument (the argument is replaced by what it was computed from).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from regrad.analysis.cut import CutKind
from regrad.analysis.events import Event, GradientTaken, TapeOpened
from regrad.analysis.flow import Flow, FoundCut, Reach, cover, sources_of
from regrad.analysis.frames import Frame, place_in
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Operation, Tape, Tensor, Unknown, Value, Variable
from regrad.analysis.weights import names
from regrad.codemods.engine import detached_targets, imports
from regrad.codemods.engine.effects import FUNCTIONS, reading_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.missed import missed
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import block_of, free_name, function_around, loaded, owners, stored


class Recorder(NamedTuple):
    """What records: the body of a `with tape:` statement, or that of the function handed to `minimize`."""

    owner: ast.With | ast.AsyncWith | ast.FunctionDef
    frame: Frame
    tape: Tape | None


# -- the mendings ------------------------------------------------------------------------------------------------------


def bring_in(
    program: Program, recorder: Recorder, operations: Sequence[Operation], targets: Sequence[Tensor] = ()
) -> tuple[Edit, ...]:
    """The edits that let the recorder see these operations; raises `CannotMove` where that would do harm.

    A value of `targets` that one of their statements gives as well comes along, as the constant that it was.
    """
    from regrad.codemods.engine import moving
    from regrad.codemods.engine.passage import Passage

    path = recorder.frame.path
    inside: list[ast.stmt] = []
    outside: list[ast.stmt] = []
    for operation in operations:
        place = _place(operation, recorder.frame)
        around = enclosing_place(operation, recorder.frame) if place is None else None
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
    for node in _constants(program, recorder, inside, targets):
        tree = program.trees[path]
        spelled = imports.spelling(program.files[path], tree, ["tensorflow.stop_gradient"], node)
        if spelled.edits:
            raise CannotMove("the statement gives a target too, and TensorFlow has no name here to keep it constant")
        rewrite.replace(node, f"{spelled.text}({program.source(node, path)})")
    Passage(program, recorder.owner, path).bring(rewrite, inside)
    return rewrite.edits()


def _constants(
    program: Program, recorder: Recorder, statements: Sequence[ast.stmt], targets: Sequence[Tensor]
) -> list[ast.expr]:
    """The expressions in statements that are moved which give targets alone."""
    path = recorder.frame.path
    found: dict[ast.expr, Tensor] = {}
    for value in targets:
        place = _place(value.operation, recorder.frame)
        if isinstance(place, ast.expr) and any(program.statement(place, path) is each for each in statements):
            if place is not value.operation.node:
                raise CannotMove("one statement gives the prediction and the target, which has to stay constant")
            found[place] = value
    inside = {id(inner) for node in found for inner in ast.walk(node) if inner is not node}
    return [node for node in found if id(node) not in inside]


def name_in_block(
    program: Program, recorder: Recorder, event: GradientTaken, wishes: tuple[str, ...], ending: str
) -> tuple[Edit, ...]:
    """Give the target of a gradient call a name at the end of the tape's block, and hand that name over."""
    from regrad.codemods.engine import moving

    path = event.frame.path
    node = event.target_node
    if event.frame is not recorder.frame or not isinstance(node, ast.expr):
        raise CannotMove("the gradient is asked for in other code than the tape")
    statement = program.statement(event.node, path)
    block = block_of(program, recorder.owner, path)
    if statement is None or not any(statement is other for other in block):
        raise CannotMove("the gradient is asked for in another block than the tape")
    start = next(index for index, other in enumerate(block) if other is recorder.owner)
    end = next(index for index, other in enumerate(block) if other is statement)
    wanted = loaded(node)
    if any(stored(other) & wanted for other in block[start + 1 : end]):
        raise CannotMove("the expression reads names that are bound behind the tape")
    scope = function_around(program, recorder.owner, path) or program.trees[path]
    assigned = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
    for text in (assigned.id if isinstance(assigned, ast.Name) else "", _tape_name(recorder)):
        for known in ("_grads", "_gradients", "_grad", "_gradient", "_tape"):
            if ending and text.endswith(known):
                wishes = (text[: -len(known)] + ending, *wishes)
    name = free_name(program, path, scope, wishes)
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    rewrite.insert(f"{name} = {program.source(node, path)}", moving.at_end(recorder.owner))
    rewrite.replace(node, name)
    return rewrite.edits()


def _tape_name(recorder: Recorder) -> str:
    if isinstance(recorder.owner, (ast.With, ast.AsyncWith)):
        for item in recorder.owner.items:
            if (
                isinstance(item.optional_vars, ast.Name)
                and recorder.tape is not None
                and item.context_expr is recorder.tape.node
            ):
                return item.optional_vars.id
    return ""


def _place(operation: Operation, frame: Frame) -> ast.AST | None:
    return place_in(operation.frame, operation.node, frame)


def enclosing_place(operation: Operation, frame: Frame) -> ast.AST | None:
    """Where the operation stands in a scope around the function of `frame`."""
    current = operation.frame
    while current is not None:
        if current.path == frame.path and _encloses(current, frame):
            place = place_in(operation.frame, operation.node, current)
            # Where the same call led to the recorder, the caller hands the value over: nothing there can move.
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
    """Move statements from around the recorder's function into it; they stay where other code uses what they bind."""
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
    for effects in map(reading_of(program.trees[path]).of, statements):
        if effects.prints or effects.writes - names:
            raise CannotMove("it does more than to compute the value, which would happen in each call of the function")
    if isinstance(function, ast.FunctionDef) and _bound_anew(program, path, function, statements):
        raise CannotMove("what it is computed from is bound anew before the function is called")
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


def _bound_anew(program: Program, path: str, function: ast.FunctionDef, statements: list[ast.stmt]) -> bool:
    """Whether a name that the statements read stands for something else by the time the function may be called.

    A loop that calls the function again and again runs through to its end in between.
    """
    scope = function_around(program, function, path) or program.trees[path]
    start = statements[-1].end_lineno or statements[-1].lineno
    end = start
    for node in ast.walk(scope):
        if isinstance(node, ast.Name) and node.id == function.name and isinstance(node.ctx, ast.Load):
            end = max(end, node.lineno)
            for owner in owners(program, node, path):
                if owner is scope:
                    break
                if isinstance(owner, (ast.For, ast.While)) and owner.lineno > start:
                    end = max(end, owner.end_lineno or 0)
    read = set().union(*(loaded(statement) for statement in statements))
    read -= set().union(*(stored(statement) for statement in statements))
    return any(
        isinstance(node, ast.Name)
        and node.id in read
        and not isinstance(node.ctx, ast.Load)
        and start < node.lineno <= end
        and function_around(program, node, path) in (scope, None)
        for node in ast.walk(scope)
    )


def _through_argument(program: Program, recorder: Recorder, operations: Sequence[Operation]) -> tuple[Edit, ...]:
    from regrad.codemods.engine.handover import Handover

    return Handover(program, recorder.owner, recorder.frame).edits(operations)


_MEANT = re.compile(
    r"(.*_)?(targets?|labels?|returns?|advantages?|baselines?|y_true|old)|(old|next|teacher|prev|previous)(_.*)?"
    r"|target_(q|v|values?|actions?|next|log_?probs?|pred).*"
)
"""Names of what a loss is measured against, outside the tape on purpose (semi-gradients, old policies, teachers)."""


def needed(program: Program, sink: Sink, recorder: Recorder | None) -> list[Operation]:
    """The missed operations that the tape has to see, without what is a constant by name where the rest reaches all."""
    operations = missed(sink)
    if recorder is None:
        return operations
    targets = {id(value.operation) for value in detached_targets.roles(program, sink).values}
    meant = {
        id(operation)
        for operation in operations
        if id(operation) in targets or _is_meant(program, operation, recorder.frame)
    }
    if len(meant) == len(operations) and any(cut.kind not in _RECORDING for cut in sink.cuts):
        return []  # what is meant to be a constant is one; another way to the sources ends elsewhere
    if not meant or len(meant) == len(operations):
        return operations
    kept, reached = _apart_from(sink, meant)
    _, before = _apart_from(sink, set())
    return [operation for operation in operations if id(operation) in kept] if reached >= before else operations


_RECORDING = (CutKind.BEFORE_TAPE, CutKind.AFTER_TAPE)
"""Cuts that recording mends."""


def _is_meant(program: Program, operation: Operation, frame: Frame) -> bool:
    place = _place(operation, frame) or enclosing_place(operation, frame)
    statement = program.statement(place, frame.path) if place is not None else None
    if not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        return False
    names = {path.rpartition(".")[2] for path in reading_of(program.trees[frame.path]).of(statement).writes}
    return bool(names) and all(_MEANT.fullmatch(name) for name in names)


def _apart_from(sink: Sink, meant: set[int]) -> tuple[set[int], set[int]]:
    """The missed operations, and the lost sources, that are reached on ways on which none of some operations stands."""
    lost = {id(value) for value in sink.path.lost}
    lost |= {id(value.root()) for value in sink.path.lost if isinstance(value, Unknown)}
    full = Flow(sink.tape, full=True, marks=sources_of(sink.sources)[0])
    every = {id(operation) for operation in missed(sink)}
    kept: set[int] = set()
    reached: set[int] = set()
    seen: set[int] = set()
    stack: list[Value] = [sink.target]
    while stack:
        value = stack.pop()
        if id(value) in seen or isinstance(value, Variable):
            reached |= {id(value)} & lost
            continue
        seen.add(id(value))
        reached |= {id(value)} & lost
        operation = value.operation if isinstance(value, (Tensor, Unknown)) else None
        if operation is not None:
            if id(operation) in meant:
                continue
            if id(operation) in every and any(key in lost for key in full.reach(value).sources):
                kept.add(id(operation))
            for source in operation.sources:
                covered = Reach()
                cover(source, covered)
                reached |= covered.sources.keys() & lost
        stack.extend(full._parts(value))
    return kept, reached


def recorder_of(program: Program, tape: Tape) -> Recorder | None:
    """The `with` statement of a tape, where there is exactly one."""
    found = [event for event in program.of(TapeOpened) if event.tape is tape and event.statement is not None]
    statements = {id(event.statement) for event in found}
    if len(statements) != 1 or found[0].statement is None:
        return None
    return Recorder(found[0].statement, found[0].frame, tape)


class Report(NamedTuple):
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
        if not sink.dead and zeros_expected(sink.event):
            continue
        recorder = recorder_of(program, sink.tape) if sink.tape is not None else None
        for cut in _those_to_mend_first(program, sink, recorder, wanted):
            if cut.operation is None or cut.node is None or cut.frame is None:
                continue
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


def _those_to_mend_first(
    program: Program, sink: Sink, recorder: Recorder | None, kinds: frozenset[CutKind]
) -> Iterable[FoundCut]:
    """The cuts of some kinds. One place may stand for several (a call that gives a batch): those that matter lead."""
    cuts = [cut for cut in sink.cuts if cut.kind in kinds]
    if len(cuts) < 2:
        return cuts
    wanted = {id(operation) for operation in needed(program, sink, recorder)}
    return sorted(cuts, key=lambda cut: id(cut.operation) not in wanted)


def source_names(program: Program, report: Report) -> tuple[str, ...]:
    """What the lost sources are called; of tensors, how the request spells them."""
    event = report.sink.event
    tensors = all(isinstance(source, Tensor) for source in report.sources)
    if tensors and isinstance(event, GradientTaken) and event.sources_node is not None:
        node = event.sources_node
        named = node.elts if isinstance(node, (ast.List, ast.Tuple)) and node.elts else [node]
        return tuple(program.source(each, event.frame.path) for each in named)
    return names(report.sources)


def zeros_expected(event: Event) -> bool:
    """Whether the request says itself (`unconnected_gradients=`) that some sources have no gradient."""
    return isinstance(event.node, ast.Call) and any(
        keyword.arg == "unconnected_gradients" for keyword in event.node.keywords
    )


def tape_name(recorder: Recorder, event: GradientTaken) -> str | None:
    """What the block calls the tape."""
    if isinstance(recorder.owner, (ast.With, ast.AsyncWith)):
        for item in recorder.owner.items:
            if isinstance(item.optional_vars, ast.Name) and item.context_expr is event.tape.node:
                return item.optional_vars.id
            if isinstance(item.context_expr, ast.Name):
                return item.context_expr.id
    return None
