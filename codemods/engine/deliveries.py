"""How data reaches `fit`: the places at which a generator, data set or call hands over inputs and targets."""

from __future__ import annotations

import ast

from regrad.analysis.events import Trained
from regrad.analysis.location import Position, Span
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Constant, Mapping, Network, Value
from regrad.analysis.weights import foreign_base
from regrad.codemods.engine.changed_results import changed_by_receiver
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.named_value import only_value
from regrad.codemods.engine.operations_of import described
from regrad.codemods.engine.rule import Edit

_OWN = ("train_step", "compute_loss", "compile", "fit", "make_train_function")


def needs_targets(event: Trained) -> bool:
    """Whether this training certainly compares a prediction with targets from outside the model."""
    compilation, model = event.compilation, event.model
    if event.own_step or compilation is None or compilation.loss is None or not isinstance(event.node, ast.Call):
        return False
    if not _is_a_loss(compilation.loss):
        return False
    if any(isinstance(each, ast.Starred) for each in event.node.args):
        return False
    if isinstance(model, Network):
        return model.form in ("sequential", "functional")
    known = model.role == "model" and model.cls.bases_known() and not foreign_base(model)
    return known and all(model.cls.find(name) is None for name in _OWN)


def _is_a_loss(loss: Value) -> bool:
    if isinstance(loss, Constant):
        return loss.value is not None
    if isinstance(loss, Collection):
        return any(_is_a_loss(part) for part in loss.items)
    if isinstance(loss, Mapping):
        return any(_is_a_loss(part) for part in loss.entries.values())
    return True


def listed(event: Trained) -> Collection | None:
    """The list, written as a display, that a generator or data set hands over for one step."""
    element = event.data
    if (
        isinstance(element, Collection)
        and element.kind == "list"
        and element.complete
        and isinstance(element.node, ast.List)
    ):
        return element
    return None


def is_nested(element: Collection) -> bool:
    """Whether the first of the list's parts holds several inputs itself."""
    return bool(element.items) and isinstance(element.items[0], Collection)


def inputs_of(event: Trained) -> int | None:
    """How many inputs the model has, where it says so."""
    model = event.model
    if isinstance(model, Network):
        return len(described(model, "inputs")) or None
    return None


def around(program: Program, node: ast.AST, path: str) -> ast.AST | None:
    """The function that a node stands in."""
    parents = program.parents(path)
    current = parents.get(node)
    while current is not None and not isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        current = parents.get(current)
    return current


def as_tuple(program: Program, path: str, node: ast.List) -> tuple[Edit, ...]:
    """The edits that make a list display a tuple, and a list of inputs at its start as well."""
    source = program.files[path]
    statement = program.parents(path).get(node)
    if isinstance(statement, ast.Assign):
        changed = _changed(program, path, statement)
        if changed is not None:
            return _at_delivery(program, path, node, changed)
    function = around(program, node, path)
    if isinstance(function, ast.FunctionDef) and changed_by_receiver(program, function):
        raise CannotMove(f"the list that `{function.name}` hands over is changed by what receives it")
    span = source.span(node)
    bare = isinstance(statement, (ast.Yield, ast.Return)) and span.start.line == span.end.line and len(node.elts) > 1
    edits = list(_brackets(span, path, "" if bare else "(", "" if bare else ")"))
    first = node.elts[0] if node.elts else None
    if isinstance(first, ast.List) and len(first.elts) > 1:
        inner = source.span(first)
        edits[1:1] = _brackets(inner, path, "(", ")")
    return tuple(edits)


def _brackets(span: Span, path: str, opening: str, closing: str) -> tuple[Edit, Edit]:
    start, end = span.start, span.end
    return (
        Edit(path, Span(start, Position(start.line, start.column + 1)), opening),
        Edit(path, Span(Position(end.line, end.column - 1), end), closing),
    )


def _changed(program: Program, path: str, statement: ast.Assign) -> str | None:
    """The name of a list that is changed after it was made, and so cannot become a tuple then and there."""
    names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
    parents = program.parents(path)
    for node in ast.walk(program.trees[path]):
        if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
            parent = parents.get(node)
            stored = isinstance(parent, ast.Subscript) and not isinstance(parent.ctx, ast.Load)
            if stored or isinstance(parent, ast.Attribute):
                return node.id
    return None


def _at_delivery(program: Program, path: str, node: ast.List, name: str) -> tuple[Edit, ...]:
    """A list that is changed on its way becomes a tuple where it is handed over."""
    function = around(program, node, path)
    handed = [
        each.value
        for each in (ast.walk(function) if function is not None else ())
        if isinstance(each, (ast.Yield, ast.Return)) and isinstance(each.value, ast.Name) and each.value.id == name
    ]
    if not handed or (node.elts and isinstance(node.elts[0], ast.List)):
        raise CannotMove(f"the list `{name}` is changed after it was made")
    source = program.files[path]
    return tuple(Edit(path, source.span(each), f"tuple({name})") for each in handed)


def assigned_call(program: Program, path: str, node: ast.AST | None) -> ast.Call | None:
    """The call that made what an argument names, where the name is assigned once; or the argument itself."""
    if isinstance(node, ast.Call):
        return node
    if not isinstance(node, ast.Name):
        return None
    value = only_value(program, path, node.id)
    return value if isinstance(value, ast.Call) else None


def validation(event: Trained) -> ast.AST | None:
    """What the call is given as `validation_data`."""
    call = event.node
    words = call.keywords if isinstance(call, ast.Call) else []
    return next((word.value for word in words if word.arg == "validation_data"), None)
