"""Compiles a model again where its flags have changed: how that is written there, and where it has to stand."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from regrad.analysis.events import Compilation, TrainableSet, Trained
from regrad.analysis.frames import Frame, place_in
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Optimizer, Value
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.respelling import file_of
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.said_elsewhere import Speaker
from regrad.codemods.engine.surroundings import block_of, index_in, owners

if TYPE_CHECKING:
    from regrad.codemods.engine.moving import Place

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_KNOWS_OLD = "its optimizer is an object that knows the old variables only; make a new one and compile again"


class Spot(NamedTuple):
    """A function in which the model can be compiled, and the statement there behind which the flags have changed."""

    frame: Frame
    statement: ast.stmt


def compiled_again(program: Program, later: Trained, change: TrainableSet) -> tuple[Edit, ...]:
    """The edits that compile the model of a training again after a flag has changed; raises `CannotMove`."""
    from regrad.codemods.engine import moving

    compiled = later.compilation
    if compiled is None or not isinstance(later.node, ast.Call) or not isinstance(later.node.func, ast.Attribute):
        raise CannotMove("the compilation is not spelled out")
    problem: CannotMove | None = None
    for spot in _spots(program, later, change):
        path = spot.frame.path
        try:
            speaker = Speaker(program, spot.frame, _objects(program, later, spot.frame))
            model = speaker.said(later.node.func.value, later.frame)
            text = compiling(compiled, speaker, model)
            place = _place(program, later, spot, model)
        except CannotMove as reason:
            problem = problem or reason
            continue
        rewrite = moving.Rewrite(program.files[path], program.trees[path])
        rewrite.insert(text, place)
        return rewrite.edits()
    raise problem or CannotMove("the flags change where the model is not at hand")


def _objects(program: Program, later: Trained, other: Frame) -> list[tuple[Value, str]]:
    """What a function calls the objects whose methods came from it to the training."""
    found: list[tuple[Value, str]] = []
    frame: Frame | None = later.frame
    while frame is not None:
        receiver = frame.call.func if isinstance(frame.call, ast.Call) else None
        if frame.this is not None and frame.caller is other and isinstance(receiver, ast.Attribute):
            found.append((frame.this, program.source(receiver.value, other.path)))
        frame = frame.caller
    return found


# -- how it is written -------------------------------------------------------------------------------------------------


def compiling(compiled: Compilation, speaker: Speaker, model: str) -> str:
    """The statement that compiles `model` in other code as it was compiled before."""
    node, program, frame = compiled.node, speaker.program, speaker.other
    if node is None or not isinstance(node.func, ast.Attribute):
        raise CannotMove("the compilation is not spelled out")
    if compiled.frame.function is not frame.function and _only_compiles(program, compiled):
        call, caller = compiled.frame.call, compiled.frame.caller
        if isinstance(call, ast.Call) and caller is not None:
            try:
                return speaker.said(call, caller)
            except CannotMove:
                pass  # written out, it may be sayable all the same
    path = compiled.frame.path
    replaced: dict[int, str] = {}
    optimizer = _optimizer_node(node)
    if optimizer is not None and not isinstance(compiled.optimizer, Constant):
        replaced[id(optimizer)] = _new_optimizer(compiled, optimizer, speaker)
    source = program.files[path]
    parts: list[str] = []
    stated = [(word.arg, word.value) for word in node.keywords]
    if any(isinstance(value, ast.Starred) for value in node.args) or any(word is None for word, _ in stated):
        raise CannotMove("the arguments of `compile` are unpacked from elsewhere")
    for word, value in (*(("", value) for value in node.args), *stated):
        text = replaced.get(id(value)) or speaker.said(value, compiled.frame)
        parts.append(f"{word}={text}" if word else text)
    whole = source.segment(source.span(node))
    same = compiled.frame.function is frame.function and not _differs(program, path, optimizer, replaced)
    if same and program.source(node.func.value, path) == model:
        # The lines after the first are indented as they stand; `insert` indents them all.
        indent = " " * node.col_offset
        return "\n".join(line[len(indent) :] if line.startswith(indent) else line for line in whole.split("\n"))
    return f"{model}.compile({', '.join(' '.join(part.split()) if chr(10) in part else part for part in parts)})"


def _differs(program: Program, path: str, optimizer: ast.expr | None, replaced: dict[int, str]) -> bool:
    return optimizer is not None and replaced.get(id(optimizer)) not in (None, program.source(optimizer, path))


def _optimizer_node(call: ast.Call) -> ast.expr | None:
    stated = next((word.value for word in call.keywords if word.arg == "optimizer"), None)
    return stated if stated is not None else call.args[0] if call.args else None


def _new_optimizer(compiled: Compilation, node: ast.expr, speaker: Speaker) -> str:
    """A new optimizer like the old one, which knows the variables of the first compilation only."""
    program = speaker.program
    optimizer = compiled.optimizer
    if not isinstance(optimizer, Optimizer) or not isinstance(optimizer.node, ast.Call) or optimizer.frame is None:
        raise CannotMove(_KNOWS_OLD)
    if isinstance(node, ast.Call):
        return speaker.said(node, compiled.frame)
    if not isinstance(node, ast.Name):
        raise CannotMove(_KNOWS_OLD)
    path = file_of(program, optimizer.node)
    if path is None or path != optimizer.frame.path or not _is_only_compiled(program, path, node.id, optimizer.node):
        raise CannotMove(_KNOWS_OLD)
    return speaker.said(optimizer.node, optimizer.frame)


def _is_only_compiled(program: Program, path: str, name: str, made: ast.Call) -> bool:
    """Whether a name is bound to that optimizer alone, and read by `compile` alone."""
    parents = program.parents(path)
    for each in program.nodes_of(path, ast.Name):
        if each.id != name:
            continue
        holder = parents.get(each)
        if not isinstance(each.ctx, ast.Load):
            if not isinstance(holder, ast.Assign) or holder.value is not made:
                return False
            continue
        holder = parents.get(holder) if isinstance(holder, ast.keyword) else holder
        if not isinstance(holder, ast.Call) or getattr(holder.func, "attr", "") != "compile":
            return False
    return True


def _only_compiles(program: Program, compiled: Compilation) -> bool:
    """Whether the function around `compile` does nothing else that would be done twice."""
    function = compiled.frame.function
    if function is None or isinstance(function.node, ast.Lambda) or compiled.node is None:
        return False
    if function.name in ("__init__", "build", "__call__", "call"):
        return False
    for statement in function.node.body:
        value = statement.value if isinstance(statement, (ast.Expr, ast.Return, ast.Assign)) else None
        documents = isinstance(statement, ast.Expr) and isinstance(value, ast.Constant)
        gives_back = isinstance(statement, ast.Return) and isinstance(value, (ast.Name, ast.Attribute, type(None)))
        names = statement.targets if isinstance(statement, ast.Assign) else []
        prepares = bool(names) and all(
            isinstance(each, ast.Name) and _is_for(function.node, each.id, compiled) for each in names
        )
        if not (documents or gives_back or prepares or value is compiled.node):
            return False
    return True


def _is_for(function: ast.AST, name: str, compiled: Compilation) -> bool:
    """Whether a local name is read by the call of `compile` alone."""
    assert compiled.node is not None
    inside = {id(each) for each in ast.walk(compiled.node)}
    loads = [
        each
        for each in ast.walk(function)
        if isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Load)
    ]
    return all(id(each) in inside for each in loads)


# -- where it stands ---------------------------------------------------------------------------------------------------


def _spots(program: Program, later: Trained, change: TrainableSet) -> list[Spot]:
    """The functions to try: that of the training, that of the flags, and what calls both."""
    found: list[Spot] = []
    frames = [later.frame, change.frame]
    outer = later.frame.caller
    while outer is not None:
        frames.append(outer)
        outer = outer.caller
    for frame in frames:
        place = place_in(change.frame, change.node, frame)
        statement = program.statement(place, frame.path) if place is not None else None
        if statement is not None and all(frame is not other.frame for other in found):
            found.append(Spot(frame, statement))
    return found


def _place(program: Program, later: Trained, spot: Spot, model: str) -> Place:
    from regrad.codemods.engine.moving import after, before

    path = spot.frame.path
    use = place_in(later.frame, later.node, spot.frame)
    training = program.statement(use, path) if use is not None else None
    held = {id(each) for each in (training, *owners(program, training, path))} if training is not None else set()
    statement = spot.statement
    for around in owners(program, spot.statement, path):
        if isinstance(around, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)) or id(around) in held:
            break
        if isinstance(around, _LOOPS):
            statement = around
    block = block_of(program, statement, path)
    start = index_in(block, statement)
    assert start is not None
    end = next((at for at in range(start + 1, len(block)) if id(block[at]) in held), None)
    last = start
    for at in range(start + 1, end if end is not None else start + 1):
        if _sets_flag(block[at]):
            last = at
    adjusted = _adjusted(block[:start], model)
    if adjusted is None:
        return after(block[last])
    if program.keras == 3:
        # Keras 3 looks at the flags when the next training begins, so the new optimizer can be adjusted as the old was.
        return before(adjusted)
    raise CannotMove("the optimizer is changed before the flags are, which a new compilation would undo")


def _sets_flag(statement: ast.stmt) -> bool:
    return any(
        isinstance(each, ast.Attribute) and each.attr == "trainable" and isinstance(each.ctx, ast.Store)
        for each in ast.walk(statement)
    )


def _adjusted(statements: Sequence[ast.stmt], model: str) -> ast.stmt | None:
    """The first statement behind the last training of a row that changes something of the model's optimizer."""
    found: ast.stmt | None = None
    for statement in statements:
        names = [each for each in ast.walk(statement) if isinstance(each, ast.Attribute)]
        if any(each.attr in ("fit", "train_on_batch", "compile") for each in names):
            found = None
        elif (
            found is None
            and any(each.attr == "optimizer" and ast.unparse(each.value) == model for each in names)
            and _changes(statement)
        ):
            found = statement
    return found


def _changes(statement: ast.stmt) -> bool:
    """Whether a statement is there for what it does: an assignment to an attribute, or a call."""
    if isinstance(statement, ast.Assign):
        return any(isinstance(each, ast.Attribute) for each in statement.targets)
    return isinstance(statement, ast.AugAssign) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    )
