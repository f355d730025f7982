"""Functions that compute a loss and do not return it, so that the training is handed None."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from regrad.analysis.events import GradientTaken, Trained
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.unreached import scope_of
from regrad.analysis.values import Constant, Function, Instance, Value
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit

_NOTHING_YET = (ast.Pass, ast.Raise)


@dataclass(frozen=True, eq=False)
class Unreturned:
    """A function that ends without handing over `name`, the value that it computed last (None: not certain)."""

    function: ast.FunctionDef
    path: str
    name: str | None
    asked: ast.AST
    """Where the training asks for the loss."""
    frame: Frame


def unreturned(program: Program) -> Iterator[Unreturned]:
    """The losses of a program that certainly come out as None because a `return` is missing; each function once."""
    seen: set[int] = set()
    for event in program.events:
        if isinstance(event, GradientTaken):
            none = isinstance(event.target, Constant) and event.target.value is None and not event.conditional
            made = _maker(program, event) if none else None
            wish = event.target_node.id if isinstance(event.target_node, ast.Name) else ""
        elif isinstance(event, Trained) and event.compilation is not None and not event.own_step:
            made = event.compilation.loss
            made = made if isinstance(made, Function) and not _returns(made.node) else None
            wish = "loss"
        else:
            continue
        if not isinstance(made, Function) or not isinstance(made.node, ast.FunctionDef) or id(made.node) in seen:
            continue
        if made.module not in program.files or not _falls_through(made.node):
            continue
        seen.add(id(made.node))
        name = None if _computed(program, made) else _last_bound(made.node, wish)
        yield Unreturned(made.node, made.module, name, event.node, event.frame)


def _maker(program: Program, event: GradientTaken) -> Value | None:
    """The function of the program whose call gave the target."""
    node = event.target_node
    frame = event.frame
    if isinstance(node, ast.Name):
        bound = [
            each
            for each in ast.walk(scope_of(program, frame))
            if isinstance(each, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == node.id for target in each.targets)
        ]
        node = bound[0].value if len(bound) == 1 else None
    if not isinstance(node, ast.Call):
        return None
    called = node.func
    if isinstance(called, ast.Name):
        holder = frame.scope.find(called.id)
        return holder.names[called.id] if holder is not None else None
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        holder = frame.scope.find(called.value.id)
        owner = holder.names[called.value.id] if holder is not None else None
        found = owner.cls.find(called.attr) if isinstance(owner, Instance) else None
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


def _returns(function: ast.AST) -> bool:
    """Whether it hands anything over at all, or is no plain function."""
    if not isinstance(function, ast.FunctionDef):
        return True
    return any(
        isinstance(node, ast.Yield | ast.YieldFrom) or (isinstance(node, ast.Return) and node.value is not None)
        for node in _own(function)
    )


def _falls_through(function: ast.FunctionDef) -> bool:
    """Whether its end is reached without a `return`, after something was computed."""
    last = function.body[-1]
    if isinstance(last, (*_NOTHING_YET, ast.Return)) or _documented_only(last):
        return False
    return not any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))


def _documented_only(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


_COMPUTING = re.compile(r"(tf|keras|tensorflow|K|backend|ops|np)\.(?!print|summary|debugging|Assert|config)")


def _computed(program: Program, function: Function) -> bool:
    """Whether its last statement is a library call whose result is dropped: that is what should be returned."""
    last = function.node.body[-1] if isinstance(function.node, ast.FunctionDef) else None
    if not isinstance(last, ast.Expr) or not isinstance(last.value, ast.Call):
        return False
    return bool(_COMPUTING.match(program.source(last.value, function.module)))


def _last_bound(function: ast.FunctionDef, wish: str) -> str | None:
    """The name that should be returned: the one that the caller binds, or else the last that was bound."""
    names = [
        statement.targets[0].id
        for statement in function.body
        if isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
    ]
    names += [
        statement.target.id
        for statement in function.body
        if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name)
    ]
    if wish in names:
        return wish
    return names[-1] if names else None


def with_return(program: Program, found: Unreturned) -> tuple[Edit, ...]:
    """`return loss` at the end of the function; raises `CannotMove` where what to return is not certain."""
    from regrad.codemods.engine.moving import Rewrite, at_end

    rewrite = Rewrite(program.files[found.path], program.trees[found.path])
    last = found.function.body[-1]
    if found.name is None:
        if not isinstance(last, ast.Expr) or not isinstance(last.value, ast.Call | ast.BinOp | ast.UnaryOp):
            raise CannotMove("which value should be returned is not certain")
        rewrite.replace(last, f"return {program.source(last.value, found.path)}")
    else:
        rewrite.insert(f"return {found.name}", at_end(found.function))
    return rewrite.edits()
