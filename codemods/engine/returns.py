"""Functions that compute a loss and do not return it, so that the training is handed None."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.events import GradientTaken
from regrad.analysis.frames import Frame
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.unreached import scope_of
from regrad.analysis.values import Constant, Function, Instance, Value
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit

_NOTHING_YET = (ast.Pass, ast.Raise)
_TELLING = frozenset(
    {"print", "info", "debug", "warning", "log", "scalar", "update_state", "update", "append", "assign", "assign_add"}
)


class Unreturned(NamedTuple):
    """A function that ends without handing its value over; `wish` is what its caller calls this value, `asked` where
    the training asks for its gradient.
    """

    function: Function
    wish: str
    asked: ast.AST
    frame: Frame


def unreturned(program: Program) -> Iterator[Unreturned]:
    """The losses of a program that certainly come out as None because a `return` is missing; each function once."""
    seen: set[int] = set()
    for event in program.events:
        if isinstance(event, GradientTaken):
            none = isinstance(event.target, Constant) and event.target.value is None and not event.conditional
            made = _maker(program, event) if none else None
            wish = event.target_node.id if isinstance(event.target_node, ast.Name) else ""
        else:
            continue
        if not isinstance(made, Function) or not isinstance(made.node, ast.FunctionDef) or id(made.node) in seen:
            continue
        if made.module not in program.files or not _falls_through(made.node):
            continue
        seen.add(id(made.node))
        yield Unreturned(made, wish, event.node, event.frame)


def _maker(program: Program, event: GradientTaken) -> Value | None:
    """The function of the program whose call gave the target."""
    node = event.target_node
    frame = event.frame
    if isinstance(node, ast.Name):
        bound = [
            each
            for each in _own(scope_of(program, frame))
            if isinstance(each, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == node.id for target in each.targets)
        ]
        node = bound[0].value if len(bound) == 1 else None
    if not isinstance(node, ast.Call):
        return None
    callee = node.func
    if isinstance(callee, ast.Name):
        holder = frame.scope.find(callee.id)
        return holder.names[callee.id] if holder is not None else None
    if isinstance(callee, ast.Attribute) and isinstance(callee.value, ast.Name):
        holder = frame.scope.find(callee.value.id)
        owner = holder.names[callee.value.id] if holder is not None else None
        found = owner.cls.find(callee.attr) if isinstance(owner, Instance) else None
        return found[0] if found is not None else None
    return None


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions in it."""
    stack = list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            stack.extend(ast.iter_child_nodes(node))


def _falls_through(function: ast.FunctionDef) -> bool:
    """Whether its end is reached without a `return`, after something was computed."""
    last = function.body[-1]
    if isinstance(last, (*_NOTHING_YET, ast.Return)) or _documented_only(last):
        return False
    return not any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))


def _documented_only(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def with_return(program: Program, function: Function, wish: str = "") -> tuple[Edit, ...]:
    """`return` in front of the last expression, or of what was bound last, at the end of the function; what is called
    `wish` is taken first. Raises `CannotMove` where what to return is not certain.
    """
    from regrad.codemods.engine.moving import at_end, insert_statements

    node, path = function.node, function.module
    if isinstance(node, ast.Lambda):
        raise CannotMove("the function is a lambda")
    source = program.files[path]
    last = node.body[-1]
    if isinstance(last, ast.Expr) and not _tells(last.value):
        start = source.span(last).start
        return (Edit(path, Span(start, start), "return "),)
    names: list[str] = []
    for statement in reversed(node.body):
        name = _bound(statement)
        if name is not None:
            names.append(name)
        elif not names and not (isinstance(statement, ast.Expr) and _tells(statement.value)):
            break
    if not names:
        raise CannotMove("which value the function should return is not certain")
    chosen = wish if wish in names else names[0]
    return insert_statements(source, program.trees[path], f"return {chosen}", at_end(node))


def _bound(statement: ast.stmt) -> str | None:
    target: ast.expr | None = None
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, ast.AugAssign):
        target = statement.target
    return target.id if isinstance(target, ast.Name) else None


def _tells(node: ast.expr) -> bool:
    """Whether an expression only prints, logs, documents or counts."""
    if isinstance(node, ast.Constant):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = called(node)
    return name in _TELLING
