"""Losses that a loop gathers, of which only one is differentiated: `losses[-1]`, `losses[task]` behind the loop."""

from __future__ import annotations

import ast
from collections import abc
from typing import NamedTuple

from regrad.analysis import unreached
from regrad.analysis.events import GradientTaken
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Collection, Mapping, Tensor, Value
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.numbers_in_tensors import is_number
from regrad.codemods.engine.rule import Mending, Mendings, Safety


class Last(NamedTuple):
    """The losses that the statement `loop` gathers under `holder`, and the expression that takes one of them alone.

    Where the last is a name that the loop binds, there is no such expression: `name` is to stand for their sum behind
    the loop.
    """

    holder: str
    values: bool
    loop: ast.stmt
    path: str
    taken: ast.expr | None
    name: str = ""

    @property
    def place(self) -> ast.AST:
        return self.loop if self.taken is None else self.taken

    @property
    def sum(self) -> str:
        return f"sum({self.holder}.values())" if self.values else f"sum({self.holder})"


def last_of_terms(program: Program, sink: Sink) -> Last | None:
    """The gathering in the function that asks for the gradient."""
    event = sink.event
    if not isinstance(event, GradientTaken) or not isinstance(event.target_node, ast.expr):
        return None
    scope = unreached.scope_of(program, event.frame)
    for loop in ast.walk(scope):
        if not isinstance(loop, (ast.For, ast.Assign)):
            continue
        for holder, key, term in _gathered(loop):
            value = event.frame.scope.names.get(holder)
            if not _losses(value) or not _stays(scope, loop, holder):
                continue
            values = isinstance(value, Mapping)
            taken = _taken(scope, loop, holder, key, event.target_node)
            if taken is not None:
                return Last(holder, values, loop, event.frame.path, taken)
            name = _named(scope, loop, holder, term, event.target_node)
            if name is not None:
                return Last(holder, values, loop, event.frame.path, None, name)
    return None


class _Gathered(NamedTuple):
    """A list or dictionary that each pass of a loop, or a comprehension, adds a term to."""

    holder: str
    key: ast.expr | None
    term: ast.expr


def _gathered(loop: ast.For | ast.Assign) -> abc.Iterator[_Gathered]:
    if isinstance(loop, ast.Assign):
        bound = binding(loop)
        if bound is not None and isinstance(bound.value, ast.ListComp):
            yield _Gathered(bound.target.id, None, bound.value.elt)
        return
    for each in loop.body:
        call = each.value if isinstance(each, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "append":
            if isinstance(call.func.value, ast.Name) and len(call.args) == 1:
                yield _Gathered(call.func.value.id, None, call.args[0])
        elif isinstance(each, ast.Assign) and len(each.targets) == 1 and isinstance(each.targets[0], ast.Subscript):
            target = each.targets[0]
            if isinstance(target.value, ast.Name) and isinstance(target.slice, ast.Name):
                yield _Gathered(target.value.id, target.slice, each.value)


def _losses(value: Value | None) -> bool:
    """Whether all that is gathered are numbers made by operations, and nothing else is with them."""
    if isinstance(value, Mapping):
        parts = list(value.entries.values())
    elif isinstance(value, Collection) and value.kind == "list":
        parts = list(value.items)
    else:
        return False
    return bool(parts) and all(isinstance(part, Tensor) and is_number(part) for part in parts)


def _stays(scope: ast.AST, loop: ast.stmt, holder: str) -> bool:
    """Whether the holder is begun once, before the loop, so that it is whole when the loop ends."""
    inside = set(map(id, ast.walk(loop)))
    stores = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and node.id == holder and isinstance(node.ctx, ast.Store)
    ]
    before = len(stores) == 1 and id(stores[0]) not in inside and stores[0].lineno < loop.lineno
    return before or (len(stores) == 1 and isinstance(loop, ast.Assign))


def _taken(scope: ast.AST, loop: ast.stmt, holder: str, key: ast.expr | None, target: ast.expr) -> ast.expr | None:
    """`losses[-1]`, `losses[0]` or `losses[task]` behind the loop, that the gradient is asked of."""
    expression: ast.expr = target
    if isinstance(target, ast.Name):
        bound = [found for found in map(binding, ast.walk(scope)) if found is not None and found.target.id == target.id]
        if len(bound) != 1:
            return None
        expression = bound[0].value
    if not isinstance(expression, ast.Subscript) or any(node is expression for node in ast.walk(loop)):
        return None
    if not isinstance(expression.value, ast.Name) or expression.value.id != holder:
        return None
    if expression.lineno < (loop.end_lineno or 0):
        return None
    if isinstance(key, ast.Name) and isinstance(loop, ast.For):
        passing = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
        again = isinstance(expression.slice, ast.Name) and expression.slice.id == key.id and key.id in passing
        return expression if again else None
    return expression if ast.unparse(expression.slice) in ("0", "-1") else None


def _named(scope: ast.AST, loop: ast.stmt, holder: str, term: ast.expr, target: ast.expr) -> str | None:
    """The name that each pass binds anew and adds to the holder, which the gradient is asked of behind the loop."""
    if (
        not isinstance(loop, ast.For)
        or not isinstance(target, ast.Name)
        or not (isinstance(term, ast.Name) and term.id == target.id)
        or any(node is target for node in ast.walk(loop))
    ):
        return None
    bound = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and node.id == target.id and isinstance(node.ctx, ast.Store)
    ]
    if len(bound) != 1 or all(node is not bound[0] for node in ast.walk(loop)):
        return None
    read = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and node.id == holder and isinstance(node.ctx, ast.Load)
    ]
    return target.id if len(read) == 1 else None


def _block(node: ast.AST, parents: abc.Mapping[ast.AST, ast.AST]) -> ast.AST | None:
    """The `with` around it."""
    current = parents.get(node)
    while current is not None and not isinstance(current, (ast.With, ast.FunctionDef, ast.AsyncFunctionDef)):
        current = parents.get(current)
    return current


def with_all(program: Program, evidence: Last) -> Mendings:
    """All of them count."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite, after

    parents = program.parents(evidence.path)
    if evidence.taken is not None and _block(evidence.taken, parents) is not _block(evidence.loop, parents):
        raise CannotMove("the terms are taken out of the list where the tape no longer records")
    rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
    if evidence.taken is not None:
        rewrite.replace(evidence.taken, evidence.sum)
    else:
        rewrite.insert(f"{evidence.name} = {evidence.sum}", after(evidence.loop))
    return [Mending("add the terms up", Safety.UNSAFE, rewrite.edits(), "another loss is computed")]
