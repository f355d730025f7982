"""A training whose flags a callback changes on the way becomes two, with `compile` between them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.analysis.values import Dataset
from regrad.codemods.engine.compiled_again import compiling
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.midway import Midway
from regrad.codemods.engine.named_value import only_value
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.said_elsewhere import Speaker
from regrad.codemods.engine.surroundings import function_around, stored, stored_locally

_BEGINS, _ENDS = "on_epoch_begin", "on_epoch_end"


class _Turn(NamedTuple):
    """What the callback does, and the number of epochs that come before it."""

    statements: list[ast.stmt]
    epoch: str
    number: int


def parted(program: Program, found: Midway) -> tuple[Edit, ...]:
    """The edits; raises `CannotMove` where two trainings would not do what the callback was to do."""
    from regrad.codemods.engine import moving

    event, made = _training(program, found)
    path, call = event.frame.path, event.node
    assert isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    statement = program.statement(call, path)
    if statement is None or not (isinstance(statement, ast.Expr) and statement.value is call):
        raise CannotMove("the history of the training is kept, and there would be two")
    if path != found.path:
        raise CannotMove("the callback is written in another file than the training")
    if event.compilation is None:
        raise CannotMove("the compilation is not spelled out")
    given = _given(program, found, made)
    turn = _turn(program, found, given)
    model = program.source(call.func.value, path)
    lines = [
        _fit(program, event, turn, second=False),
        *(_said(program, found, each, model, given) for each in turn.statements),
        compiling(event.compilation, Speaker(program, event.frame), model),
        _fit(program, event, turn, second=True),
    ]
    _refuse_clashes(program, found, turn, statement)
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    rewrite.replace(statement, "\n".join(lines))
    if sum(each.id == found.cls.name for each in program.nodes_of(path, ast.Name)) == 1:
        rewrite.remove([found.cls])
    return rewrite.edits()


# -- the training ------------------------------------------------------------------------------------------------------


def _training(program: Program, found: Midway) -> tuple[Trained, ast.Call]:
    """The one training that is given the callback, and the call that makes it."""
    events: dict[int, tuple[Trained, ast.Call]] = {}
    for event in program.of(Trained):
        stated = event.node.keywords if isinstance(event.node, ast.Call) else []
        given = next((word.value for word in stated if word.arg == "callbacks"), None)
        callbacks = given.elts if isinstance(given, (ast.List, ast.Tuple)) else [given]
        made = [each for each in callbacks if isinstance(each, ast.Call) and _name(each.func) == found.cls.name]
        if not made:
            continue
        if len(callbacks) != 1:
            raise CannotMove("another callback goes on through the whole training")
        events[id(event.node)] = (event, made[0])
    if len(events) != 1 or sum(_name(each) == found.cls.name for each in _names(program)) != 1:
        raise CannotMove("the training has to be parted in two, with `compile` between them")
    return next(iter(events.values()))


def _names(program: Program) -> Iterator[ast.expr]:
    for path in program.trees:
        yield from program.nodes_of(path, ast.Name)
        yield from program.nodes_of(path, ast.Attribute)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _fit(program: Program, event: Trained, turn: _Turn, *, second: bool) -> str:
    """The call that trains up to the change of the flags, or from there on."""
    call, path = event.node, event.frame.path
    assert isinstance(call, ast.Call)
    if event.method != "fit" or (isinstance(event.source, Dataset) and event.source.kind == "generator"):
        raise CannotMove("the data are used up by the first part")
    epochs = next((word.value for word in call.keywords if word.arg == "epochs"), None)
    whole = _number(program, path, epochs)
    if epochs is None or whole is None or not 0 < turn.number < whole:
        raise CannotMove("how many epochs come before and after the change is not certain")
    parts: list[str] = []
    for argument in call.args:
        parts.append(_once(program, path, argument))
    for word in call.keywords:
        if word.arg in (None, "initial_epoch"):
            raise CannotMove("how many epochs come before and after the change is not certain")
        if word.arg == "callbacks":
            continue
        text = _once(program, path, word.value)
        parts.append(f"{word.arg}={turn.epoch if word.arg == 'epochs' and not second else text}")
        if word.arg == "epochs" and second:
            parts.append(f"initial_epoch={turn.epoch}")
    return f"{program.source(call.func, path)}({', '.join(parts)})"


def _once(program: Program, path: str, node: ast.expr) -> str:
    """The text of an argument that may be written twice, on one line."""
    if any(isinstance(each, (ast.Call, ast.Starred, ast.Lambda, ast.JoinedStr)) for each in ast.walk(node)):
        raise CannotMove("an argument of the training is computed in the call, and would be twice")
    text = program.source(node, path)
    return ast.unparse(node) if "\n" in text else text


def _number(program: Program, path: str, node: ast.expr | None) -> int | None:
    if isinstance(node, ast.Name):
        node = only_value(program, path, node.id)
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# -- the callback ------------------------------------------------------------------------------------------------------


def _given(program: Program, found: Midway, made: ast.Call) -> dict[str, ast.expr]:
    """What each attribute of the callback holds: what its constructor was given, where it only keeps that."""
    methods = [each for each in found.cls.body if not _documents(each)]
    own = [each for each in methods if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    if any(each is not found.method and each not in own for each in methods) or len(own) > 1:
        raise CannotMove("the callback does other things as well")
    if not own:
        return {}
    names = [each.arg for each in own[0].args.args][1:]
    arguments: dict[str, ast.expr] = dict(zip(names[::-1], own[0].args.defaults[::-1], strict=False))
    arguments |= dict(zip(names, made.args, strict=False))
    arguments |= {word.arg: word.value for word in made.keywords if word.arg is not None}
    found_attributes: dict[str, ast.expr] = {}
    for statement in own[0].body:
        if _documents(statement) or _calls_super(statement):
            continue
        for target, value in _assigned(statement):
            if not isinstance(target, ast.Attribute) or not isinstance(value, ast.Name) or value.id not in arguments:
                raise CannotMove("the callback keeps a state of its own")
            found_attributes[target.attr] = arguments[value.id]
    return found_attributes


def _assigned(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The pairs of target and value of a plain assignment, or of one to several targets."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        raise CannotMove("the callback keeps a state of its own")
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        yield from zip(target.elts, value.elts, strict=True)
    else:
        yield target, value


def _turn(program: Program, found: Midway, given: dict[str, ast.expr]) -> _Turn:
    """What happens at which epoch."""
    body = [each for each in found.method.body if not _documents(each)]
    count = found.method.args.args[1].arg if len(found.method.args.args) > 1 else ""
    if found.method.name not in (_BEGINS, _ENDS):
        raise CannotMove("the flags change between two steps of one epoch")
    only = body[0] if len(body) == 1 else None
    shift = 1 if found.method.name == _ENDS else 0
    if not isinstance(only, ast.If):
        if not shift:
            raise CannotMove("the flags change before the first step as well")
        return _Turn(_checked(body, count), "1", 1)
    test = only.test
    if (
        only.orelse
        or not isinstance(test, ast.Compare)
        or len(test.ops) != 1
        or not isinstance(test.left, ast.Name)
        or test.left.id != count
        or not isinstance(test.ops[0], (ast.Eq, ast.GtE, ast.Gt))
    ):
        raise CannotMove("when the flags change is not certain")
    shift += isinstance(test.ops[0], ast.Gt)
    other = test.comparators[0]
    if isinstance(other, ast.Attribute) and isinstance(other.value, ast.Name) and other.value.id == "self":
        other = given.get(other.attr, other)
    number = _number(program, found.path, other)
    if number is None:
        raise CannotMove("when the flags change is not certain")
    text = program.source(other, found.path)
    if shift:
        text = str(number + shift) if isinstance(other, ast.Constant) else f"{text} + {shift}"
    return _Turn(_checked(only.body, count), text, number + shift)


def _checked(statements: list[ast.stmt], count: str) -> list[ast.stmt]:
    """The statements, where they set flags (and say so) and do nothing else."""
    for statement in statements:
        inner = statement.body if isinstance(statement, ast.For) and not statement.orelse else [statement]
        for each in inner:
            sets = isinstance(each, ast.Assign) and all(
                isinstance(one, ast.Attribute) and one.attr == "trainable" for one in each.targets
            )
            says = isinstance(each, ast.Expr) and isinstance(each.value, ast.Call) and _name(each.value.func) == "print"
            if not sets and not says:
                raise CannotMove("the callback does other things as well")
    names = {each.id for one in statements for each in ast.walk(one) if isinstance(each, ast.Name)}
    if names & {count, "logs"}:
        raise CannotMove("what the callback does depends on the epoch")
    return statements


def _said(program: Program, found: Midway, statement: ast.stmt, model: str, given: dict[str, ast.expr]) -> str:
    """A statement of the callback in the words of the code that trains."""
    indent = " " * statement.col_offset
    lines = program.source(statement, found.path).split("\n")
    text = "\n".join(line[len(indent) :] if line.startswith(indent) else line for line in lines)
    places: list[tuple[int, int, int, str]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            value = given.get(node.attr)
            if node.attr != "model" and value is None:
                raise CannotMove(f"what `self.{node.attr}` is was not found")
            said = model if value is None else program.source(value, found.path)
            if node.end_lineno != node.lineno or "\n" in said:
                raise CannotMove("what the callback is given stands on several lines")
            places.append((node.lineno, node.col_offset, node.end_col_offset or 0, said))
    rows = text.split("\n")
    for row, start, end, said in sorted(places, reverse=True):
        line = rows[row - 1].encode()
        rows[row - 1] = (line[:start] + said.encode() + line[end:]).decode()
    return "\n".join(rows)


def _refuse_clashes(program: Program, found: Midway, turn: _Turn, statement: ast.stmt) -> None:
    """Names that the callback's statements bind or read must not be others where the model is trained."""
    scope = function_around(program, statement, found.path)
    tree = program.trees[found.path]
    bound = {name for each in turn.statements for name in stored(each)}
    behind = [
        each
        for each in ast.walk(scope or tree)
        if isinstance(each, ast.Name) and each.id in bound and isinstance(each.ctx, ast.Load)
    ]
    if any(each.lineno > statement.lineno for each in behind):
        raise CannotMove("a name of the callback is used behind the training")
    read = {each.id for one in turn.statements for each in ast.walk(one) if isinstance(each, ast.Name)} - bound
    if scope is not None and (read - {"self"}) & stored_locally(scope):
        raise CannotMove("a name of the callback is something else where the model is trained")


def _documents(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _calls_super(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    called = value.func if isinstance(value, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr == "__init__"
