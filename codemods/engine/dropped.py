"""The output of a layer that is not even given a name: its call is a statement of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import trainings
from regrad.analysis.callee import called
from regrad.analysis.events import ModelCalled
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Instance, Layer, Value, Variable
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.effects import KEEPING
from regrad.codemods.engine.residual import residual_sum
from regrad.codemods.engine.rule import Edit, Mending, Mendings, Safety, Withheld
from regrad.codemods.engine.surroundings import block_of

_CALLS = frozenset({"call", "__call__"})
_WITHOUT_VALUES = frozenset({"shape", "size", "rank", "len", "range", "zeros_like", "ones_like"})


class Dropped(NamedTuple):
    """A call of a layer whose result goes nowhere."""

    statement: ast.Expr
    call: ast.Call
    frame: Frame


def dropped(program: Program, sink: Sink, part: Value) -> Dropped | None:
    """The statement that drops what every call of this part of a model comes to."""
    found: list[Dropped] = []
    for call, frame, recorded in calls_of(program, sink, part):
        place = _dropping(program, holder(part), call, frame, recorded)
        if place is None or (found and place.statement is not found[0].statement):
            return None
        found.append(place)
    return found[0] if found else None


def holder(part: Value) -> Value:
    """What a reader would say gets no gradient: of a weight, the layer of the program that has it."""
    owner = part.frame.this if isinstance(part, Variable) and part.frame is not None else None
    return owner if isinstance(owner, Instance) else part


def calls_of(program: Program, sink: Sink, part: Value) -> Iterator[tuple[ast.AST, Frame, bool]]:
    """Where a layer was called, and whether the tape of the training saw it."""
    owner = holder(part)
    if isinstance(owner, Layer):
        for _, result in owner.fields.get("#calls") or ():
            operation = getattr(result, "operation", None)
            if operation is not None and operation.node is not None and operation.frame is not None:
                yield operation.node, operation.frame, sink.tape in operation.tapes
    elif isinstance(owner, Instance):
        for event in program.of(ModelCalled):
            if event.model is owner:
                yield event.node, event.frame, sink.tape in event.tapes


def _dropping(program: Program, layer: Value, node: ast.AST | None, frame: Frame, recorded: bool) -> Dropped | None:
    """The statement that drops the call of a layer, or that of the layer around it.

    A call that stands alone outside of what is trained builds the model, and is left out.
    """
    around: Frame | None = frame
    while around is not None and isinstance(node, ast.Call):
        statement = program.statement(node, around.path)
        inside = _is_call_of_a_layer(around)
        if isinstance(statement, ast.Expr) and statement.value is node:
            wanted = inside or (recorded and around.function is not None)
            return Dropped(statement, node, around) if wanted and not _does_more(layer) else None
        if not inside or around.this is None:
            return None
        layer, node, around = around.this, around.call, around.caller
    return None


def _is_call_of_a_layer(frame: Frame) -> bool:
    owner = frame.this
    return (
        frame.function is not None
        and frame.function.name in _CALLS
        and isinstance(owner, Instance)
        and owner.role in ("layer", "model")
    )


def _does_more(layer: Value) -> bool:
    """Whether the layer, or one inside of it, does anything else than to give its result."""
    return any(
        (isinstance(each, Layer) and each.arguments.get("activity_regularizer") is not None)
        or (isinstance(each, Instance) and _keeps(each))
        for each in trainings.inside(layer)
    )


def _keeps(layer: Instance) -> bool:
    """Whether any method of the layer but those that make it keeps something, or tells it to Keras."""
    for method in layer.cls.node.body:
        if not isinstance(method, ast.FunctionDef) or method.name in ("__init__", "build", "get_config"):
            continue
        for node in ast.walk(method):
            if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
                return True
            if isinstance(node, ast.Call) and called(node) in KEEPING | {"append"}:
                return True
    return False


def bound_again(program: Program, evidence: Dropped) -> Mendings:
    """The result takes the place of the value that it was made from, where what follows reads that."""
    statement, path = evidence.statement, evidence.frame.path
    text = " ".join(program.source(evidence.call, path).split())
    advice = f"x = {text}"
    name = _taken_from(program, evidence)
    if name is None or evidence.frame.function is None:
        return Withheld("the place of which value the result was to take is not certain", advice)
    function = evidence.frame.function.node
    if not _read_later(program, function, name, statement, path):
        return Withheld(f"nothing reads `{name}` after it, so where the result was to be used is not certain", advice)
    skip = residual_sum(function, program.parents(path), statement)
    if skip is not None:
        return Withheld(
            f"line {skip.lineno} adds a value to what was made of it, so whether the result takes the place of"
            f" `{name}` or stands beside it is the author's to say",
            advice,
        )
    edit = Edit(path, program.files[path].span(statement), f"{name} = {program.source(statement, path)}")
    return [Mending(f"keep the result as `{name}`", Safety.UNSAFE, (edit,), "the model computes another function")]


def _taken_from(program: Program, evidence: Dropped) -> str | None:
    """The one name that the layer is given, or that which a layer before it was given and took in just this way."""
    call = evidence.call
    if not call.args:
        return None
    given = call.args[0].elts if isinstance(call.args[0], (ast.List, ast.Tuple)) else call.args
    names = [each.id for each in given if isinstance(each, ast.Name)]
    if len(names) != len(given):
        return None
    if len(names) == 1:
        return names[0]
    block = block_of(program, evidence.statement, evidence.frame.path)
    for earlier in reversed(block[: block.index(evidence.statement)]):
        bound = binding(earlier)
        if bound is None or bound.target.id not in names:
            continue
        same = isinstance(bound.value, ast.Call) and list(map(ast.dump, bound.value.args)) == list(
            map(ast.dump, call.args)
        )
        return bound.target.id if same else None
    return None


def _read_later(program: Program, function: ast.AST, name: str, statement: ast.stmt, path: str) -> bool:
    """Whether the value of the name, and not only its shape, is read behind the statement or in the next turn of its
    loop.
    """
    parents = program.parents(path)
    start: ast.AST = statement
    outer = parents.get(statement)
    while outer is not None and outer is not function:
        start = outer if isinstance(outer, (ast.For, ast.While)) else start
        outer = parents.get(outer)
    own = {id(node) for node in ast.walk(statement)}
    for node in ast.walk(function):
        if not isinstance(node, ast.Name) or node.id != name or id(node) in own or not isinstance(node.ctx, ast.Load):
            continue
        if node.lineno < getattr(start, "lineno", 0):
            continue
        holder_of = parents.get(node)
        if isinstance(holder_of, ast.Call) and called(holder_of) in _WITHOUT_VALUES:
            continue
        if isinstance(holder_of, ast.Attribute) and holder_of.attr == "shape":
            continue
        return True
    return False
