"""Callbacks that change a flag of their model in the middle of a training."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import trainings
from regrad.analysis.callee import called
from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Instance
from regrad.codemods.engine.surroundings import stored_locally


class Midway(NamedTuple):
    """A callback class that changes a flag of its model in one of its methods."""

    flag: str
    path: str
    cls: ast.ClassDef
    method: ast.FunctionDef


_LATE = frozenset({"on_epoch_end", "on_batch_end", "on_train_batch_end"})
_EAGERLY = frozenset({"run_eagerly", "run_functions_eagerly"})
_RENEWS = frozenset({"compile", "make_train_function", "train_function"}) | _EAGERLY
_BASE = re.compile(r"Callback[\s\\]*[,)#]")
"""The end of the name of a base class, before the next one, the parenthesis or a comment."""


def changes_midway(program: Program) -> Iterator[tuple[ast.Assign, str, Midway]]:
    """`self.model.….trainable = …` in a callback, after the first step at the earliest: the statement and its file."""
    for path in program.trees:
        words = program.files[path].text
        if "trainable" not in words or _BASE.search(words) is None:
            continue
        for node in program.nodes_of(path, ast.ClassDef):
            if not any(program.source(base, path).rpartition(".")[2] == "Callback" for base in node.bases):
                continue
            names = {getattr(each, "attr", getattr(each, "arg", None)) for each in ast.walk(node)}
            if names & _RENEWS or not _is_made(program, node.name):
                continue
            if any(word in words for word in _EAGERLY) and any(
                getattr(each, "arg", getattr(each, "attr", None)) in _EAGERLY for each in program.nodes(path)
            ):
                continue
            parts = _parts_held(program, node)
            for method in node.body:
                if not isinstance(method, ast.FunctionDef):
                    continue
                for statement, late in _settings(method, parts | _parts_by_name(program, path, method)):
                    if not late:
                        continue
                    text = program.source(statement.targets[0], path)
                    yield statement, path, Midway(text, path, node, method)
                    break


def _is_made(program: Program, name: str) -> bool:
    return any(called(node) == name for path in program.trees for node in program.nodes_of(path, ast.Call))


def _parts_by_name(program: Program, path: str, method: ast.FunctionDef) -> set[str]:
    """The names of the module for a model that is trained, or a part of it, as the method sees them."""
    local = stored_locally(method)
    scope = next((event.frame.scope.outermost() for event in program.events if event.frame.path == path), None)
    parts = {id(part) for event in program.of(Trained) for part in trainings.inside(event.model)}
    names = scope.names.items() if scope is not None else ()
    return {name for name, value in names if id(value) in parts and name not in local}


def _parts_held(program: Program, cls: ast.ClassDef) -> set[str]:
    """The attributes of such callbacks, as `self.name`, that hold a part of the model that each was handed to."""
    found: list[set[str]] = []
    for event in program.of(Trained):
        given = event.callbacks
        for callback in given.items if isinstance(given, Collection) else (given,):
            if isinstance(callback, Instance) and callback.cls.node is cls:
                parts = {id(part) for part in trainings.inside(event.model)}
                found.append({f"self.{name}" for name, value in callback.fields.items() if id(value) in parts})
    return set.intersection(*found) if found else set()


def _settings(method: ast.FunctionDef, of_model: set[str]) -> Iterator[tuple[ast.Assign, bool]]:
    """The assignments of a flag of the callback's model, and whether they come after the first step; `of_model` are the
    names, and the attributes as `self.name`, that stand for the model or a part of it.
    """
    always = method.name in _LATE
    begins = method.name in ("on_epoch_begin", "on_train_batch_begin", "on_batch_begin")
    count = method.args.args[1].arg if len(method.args.args) > 1 else ""
    stack: list[tuple[ast.AST, bool]] = [(part, always) for part in reversed(method.body)]
    while stack:
        node, late = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and _from_model(node.iter, of_model):
            of_model.add(node.target.id)
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name) and _from_model(node.value, of_model):
                of_model.add(target.id)
            elif (
                isinstance(target, ast.Attribute)
                and target.attr == "trainable"
                and _from_model(target.value, of_model)
                and isinstance(node.value, ast.Constant)
            ):
                yield node, late
        if isinstance(node, ast.If):
            later = late or (begins and _past_the_first(node.test, count))
            stack.extend((part, late) for part in reversed(node.orelse))
            stack.extend((part, later) for part in reversed(node.body))
            continue
        stack.extend((part, late) for part in reversed(list(ast.iter_child_nodes(node))))


def _from_model(node: ast.expr, of_model: set[str]) -> bool:
    """Whether an expression is the callback's model or a part of it."""
    current: ast.expr = node
    while True:
        if isinstance(current, ast.Attribute):
            of_callback = isinstance(current.value, ast.Name) and current.value.id == "self"
            if of_callback and (current.attr == "model" or f"self.{current.attr}" in of_model):
                return True
            current = current.value
        elif isinstance(current, (ast.Call, ast.Subscript)):
            current = current.func if isinstance(current, ast.Call) else current.value
        else:
            return isinstance(current, ast.Name) and current.id in of_model


def _past_the_first(test: ast.expr, count: str) -> bool:
    """Whether `epoch == …` or `epoch >= …` is compared with something other than zero."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.left, ast.Name):
        return False
    other = test.comparators[0]
    zero = isinstance(other, ast.Constant) and other.value == 0
    above = isinstance(test.ops[0], ast.Gt) or (isinstance(test.ops[0], (ast.Eq, ast.GtE)) and not zero)
    return test.left.id == count and above
