"""Rows of one 1 that are drawn from scores: drawn as before, with the slope of the probabilities they are drawn by."""

from __future__ import annotations

import ast

from regrad.analysis.endings import Ending
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor, Value
from regrad.codemods.engine import imports
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.broken_paths import argument
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import free_name, function_around

_SAME_NUMBERS = frozenset({"reshape", "cast", "squeeze", "expand_dims"})


def drawn_rows(program: Program, ending: Ending) -> Mending:
    """`soft + stop_gradient(one_hot(drawn) - soft)`; raises `CannotMove` where the scores have another shape."""
    from regrad.codemods.engine.moving import Rewrite, before

    call, frame, path = ending.node, ending.frame, ending.frame.path
    rows = ending.value
    if ending.operation is None or ending.operation.name != "one_hot" or not isinstance(call, ast.Call):
        raise CannotMove("no rows of one 1 stand here")
    if not isinstance(rows, Tensor) or len(call.args) + len(call.keywords) != 2 or not rows.operation.inputs:
        raise CannotMove("the rows have more to them than one 1")
    statement = program.statement(call, path)
    if not isinstance(statement, (ast.Assign, ast.Return)) or statement.value is not call:
        raise CannotMove("give the rows a name first")
    draw = _as_it_was(rows.operation.inputs[0])
    if not isinstance(draw, Tensor) or draw.operation.name != "categorical" or not draw.operation.inputs:
        raise CannotMove("the rows are not drawn here")
    drawing = draw.operation.node
    count = argument(drawing, 1, "num_samples") if isinstance(drawing, ast.Call) else None
    if not isinstance(count, ast.Constant) or count.value != 1:
        raise CannotMove("more than one row is drawn from the same scores")
    scores = _scores(program, frame, draw.operation.inputs[0], rows, statement)
    tree = program.trees[path]
    softmax, stop = (imports.spelled(tree, f"tensorflow.{each}", call) for each in ("nn.softmax", "stop_gradient"))
    if softmax is None or stop is None:
        raise CannotMove("the file does not say `tensorflow`")
    rewrite = Rewrite(program.files[path], tree)
    soft = free_name(program, path, tree, ("soft", "shares", "soft_rows"))
    rewrite.insert(f"{soft} = {softmax}({scores})", before(statement))
    rewrite.replace(call, f"{soft} + {stop}({program.source(call, path)} - {soft})")
    why = "the rows are drawn as before; the slope is that of the probabilities, an estimate"
    title = "straight through: draw forwards, take the slope of the probabilities backwards"
    return Mending(title, Safety.UNSAFE, rewrite.edits(), why)


def _as_it_was(value: Value) -> Value:
    """A value before it was given another shape or dtype."""
    while isinstance(value, Tensor) and value.operation.name in _SAME_NUMBERS and value.operation.inputs:
        value = value.operation.inputs[0]
    return value


def _scores(program: Program, frame: Frame, drawn_from: Value, rows: Tensor, statement: ast.stmt) -> str:
    """The name of the scores in the shape of the rows, as it stands where the rows are made."""
    path = frame.path
    scope = function_around(program, statement, path) or program.trees[path]
    while isinstance(drawn_from, Tensor):
        operation = drawn_from.operation
        made = binding(program.statement(operation.node, path)) if operation.node is not None else None
        if (
            made is not None
            and made.value is operation.node
            and (function_around(program, made.statement, path) or program.trees[path]) is scope
            and made.statement.lineno < statement.lineno
            and _alike(drawn_from, rows)
        ):
            named = [each for each in ast.walk(scope) if isinstance(each, ast.Name) and each.id == made.target.id]
            if sum(not isinstance(each.ctx, ast.Load) for each in named) == 1:
                return made.target.id
        if operation.name not in _SAME_NUMBERS or not operation.inputs:
            break
        drawn_from = operation.inputs[0]
    raise CannotMove("scores in the shape of the rows have no name here")


def _alike(scores: Tensor, rows: Tensor) -> bool:
    """Whether two shapes agree, the batch's apart; all else must be known."""
    one, other = scores.shape, rows.shape
    if one is None or other is None or len(one) != len(other) or len(one) < 2:
        return False
    return None not in (*one[1:], *other[1:]) and one[1:] == other[1:]
