"""Functions that hand one batch over, and the target that they compute beside it and keep to themselves."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NamedTuple

from regrad.analysis.events import Trained
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.values import Dataset, Function, Instance
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.respelling import file_of
from regrad.codemods.engine.rule import Edit

TARGET_WORDS = ("y", "Y", "ys", "Ys", "labels", "label", "targets", "target", "outputs", "output", "classes")
_ALSO = frozenset({"scores", "score", "annotations", "answers", "truth", "gt", "mask", "masks"})


class Delivery(NamedTuple):
    """What a function returns or yields, in which file, and the name of what belongs beside it."""

    values: tuple[ast.expr, ...]
    path: str
    name: str
    grown: bool
    """Whether that is a list."""


def kept_back(program: Program, event: Trained) -> Delivery | None:
    """The one local value that the function behind the data, or one that a data set is mapped with, computes and
    neither reads nor hands over.
    """
    function = function_behind(event)
    if function is not None:
        path = file_of(program, function)
        return _kept_back_by(program, function, path) if path is not None else None
    found = [each for each in (_kept_back_by(program, *one) for one in mapped(program)) if each is not None]
    return found[0] if len(found) == 1 else None


def mapped(program: Program) -> list[tuple[ast.FunctionDef, str]]:
    """The functions of the program that a `map` is given by name, each with its file."""
    names = {
        call.args[0].id
        for path in program.trees
        for call in program.nodes_of(path, ast.Call)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "map"
        if call.args and isinstance(call.args[0], ast.Name)
    }
    return [
        (node, path) for path in program.trees for node in program.nodes_of(path, ast.FunctionDef) if node.name in names
    ]


def _kept_back_by(program: Program, function: ast.FunctionDef, path: str) -> Delivery | None:
    values = handed(function)
    if not values or any(isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) != 1 for value in values):
        return None
    parents = program.parents(path)
    stored: dict[str, int] = {}
    read: set[str] = set()
    lists: set[str] = set()
    for node in ast.walk(function):
        if not isinstance(node, ast.Name):
            continue
        parent = parents.get(node)
        filled = isinstance(parent, ast.Subscript) and parent.value is node and isinstance(parent.ctx, ast.Store)
        method = parents.get(parent) if isinstance(parent, ast.Attribute) else None
        grown = isinstance(parent, ast.Attribute) and parent.attr in ("append", "extend") and _alone(parents, method)
        if grown or (isinstance(parent, ast.Assign) and isinstance(parent.value, (ast.List, ast.ListComp))):
            lists.add(node.id)
        if isinstance(node.ctx, ast.Store):
            stored.setdefault(node.id, node.lineno)
        elif not filled and not grown and not _changed(program, path, node):
            read.add(node.id)
    unread = [name for name in stored if name not in read and not name.startswith("_")]
    named = [name for name in unread if {*name.split("_")} & {*TARGET_WORDS, *_ALSO}] or unread
    if len(named) != 1 or any(stored[named[0]] >= value.lineno for value in values):
        return None
    return Delivery(tuple(values), path, named[0], named[0] in lists)


def _changed(program: Program, path: str, read: ast.Name) -> bool:
    """Whether it is read to bind the same name anew: `label = label / 100`."""
    statement = program.statement(read, path)
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == read.id


def handed_on(program: Program, found: Delivery) -> tuple[Edit, ...]:
    """The target behind what is handed over, each time."""
    edits: list[Edit] = []
    source = program.files[found.path]
    for value in found.values:
        span, name = source.span(value), found.name
        if found.grown:
            # Keras takes a list for several targets: what makes an array of the inputs makes one of these.
            if not isinstance(value, ast.Call) or len(value.args) != 1 or not isinstance(value.args[0], ast.Name):
                raise CannotMove(f"`{name}` is a list, of which an array has to be made")
            name = source.segment(span).replace(f"({value.args[0].id}", f"({name}")
        if isinstance(value, (ast.Tuple, ast.List)):
            text = f"{source.segment(source.span(value.elts[0]))}, {name}"
            edits.append(Edit(found.path, span, f"({text})" if source.segment(span)[0] in "([" else text))
        else:
            edits.append(Edit(found.path, Span(span.end, span.end), f", {name}"))
    return tuple(edits)


def _alone(parents: Mapping[ast.AST, ast.AST], call: ast.AST | None) -> bool:
    """Whether a call is a statement of its own."""
    return isinstance(call, ast.Call) and isinstance(parents.get(call), ast.Expr)


def function_behind(event: Trained) -> ast.FunctionDef | None:
    """The generator function, or the `__getitem__`, that gives a training its batches."""
    given = event.source
    if isinstance(given, Instance) and given.role == "data":
        found = given.cls.find("__getitem__")
        written: ast.AST | None = found[0].node if found is not None and isinstance(found[0], Function) else None
    else:
        written = given.node if isinstance(given, Dataset) and given.kind == "generator" else None
    return written if isinstance(written, ast.FunctionDef) else None


def handed(function: ast.FunctionDef) -> list[ast.expr]:
    """What the function itself returns or yields."""
    inner = {
        id(each)
        for node in ast.walk(function)
        if node is not function and isinstance(node, (ast.FunctionDef, ast.Lambda))
        for each in ast.walk(node)
    }
    nodes = [node for node in ast.walk(function) if id(node) not in inner]
    ways = [node.value for node in nodes if isinstance(node, ast.Yield)] or [
        node.value for node in nodes if isinstance(node, ast.Return)
    ]
    return [] if any(isinstance(node, ast.YieldFrom) for node in nodes) else [way for way in ways if way is not None]
