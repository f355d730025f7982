"""Variables in a dictionary or list of which some are replaced by tensors between the steps, whichever they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis import applications
from regrad.analysis.events import GradientTaken
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.unreached import scope_of
from regrad.analysis.values import Collection, Instance, Tensor, Union_, Unknown, Value, Variable
from regrad.codemods.engine.binding import bound_once
from regrad.codemods.engine.operations_of import reached

_COMPUTED = frozenset({"operator", "op"})
_ALL_KEYS = frozenset({"sorted", "list", "tuple", "reversed"})


def replaced_entries(program: Program, sink: Sink) -> Iterator[Tensor]:
    """What `held[key] = f(held[key])` put in the place of variables, where a later request asks for all that `held` has
    and an optimizer of the library is given it.
    """
    event = sink.event
    if sink.kind != "tape" or not isinstance(event, GradientTaken) or event.sources_node is None:
        return
    if event.tape.fields.get("watched"):
        return
    asked = [list(_alternatives(item)) for item in _items(sink.sources)]
    found = [each for group in asked for each in group if isinstance(each, Tensor)]
    if not found:
        return
    applied = applications.of(program, event)
    held = _held_as_a_whole(program, event)
    if held is None or applied is None or isinstance(applied.optimizer, (Instance, Unknown)):
        return
    for group in asked:
        tensors = [each for each in group if isinstance(each, Tensor)]
        variables = [each for each in group if isinstance(each, Variable)]
        if not tensors or not variables or len(tensors) + len(variables) < len(group):
            continue
        if not all(_replaces(program, each, event, held, variables) for each in tensors):
            continue
        # One that was made a variable again is as good as before.
        made_of = {id(each) for one in variables for each in reached(iter([one.initial]))}
        if not made_of.intersection(map(id, tensors)):
            yield from tensors


def _items(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, Collection) else ()


def _alternatives(value: Value) -> Iterator[Value]:
    """Each of the things that a value may be."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, Union_):
            stack.extend(current.alternatives)
        elif isinstance(current, Unknown) and current.origin == "join" and current.parents:
            stack.extend(current.parents)
        else:
            yield current


def _replaces(program: Program, value: Tensor, event: GradientTaken, held: ast.expr, variables: list[Variable]) -> bool:
    """Whether a tensor was made of one of the variables, off the tape, by a statement that puts it in its place."""
    operation = value.operation
    if operation.kind not in _COMPUTED or operation.node is None or operation.frame is None:
        return False
    if event.tape in operation.tapes:
        return False
    statement = program.statement(operation.node, operation.frame.path)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    target, path = statement.targets[0], operation.frame.path
    if not isinstance(target, ast.Subscript) or statement.value is not operation.node:
        return False
    name = program.source(target, path)
    if not any(
        isinstance(node, ast.Subscript) and program.source(node, path) == name for node in ast.walk(operation.node)
    ):
        return False
    near = operation.frame.function is event.frame.function and path == event.frame.path
    if near:
        same = program.source(target.value, path) == program.source(held, path)
    else:
        same = isinstance(target.value, ast.Attribute) and target.value.attr == getattr(held, "attr", None)
    own = {id(each) for part in operation.inputs for each in _alternatives(part)}
    return same and bool(own.intersection(map(id, variables)))


def _held_as_a_whole(program: Program, event: GradientTaken) -> ast.expr | None:
    """`held`, where the request asks for everything in it: `[held[k] for k in sorted(held)]`, `held.values()`."""
    scope = scope_of(program, event.frame)
    asked = _bound(scope, event.sources_node)
    if isinstance(asked, ast.Call) and isinstance(asked.func, ast.Name) and asked.func.id in ("list", "tuple"):
        asked = asked.args[0] if len(asked.args) == 1 else asked
    if isinstance(asked, ast.Call) and isinstance(asked.func, ast.Attribute) and asked.func.attr == "values":
        return asked.func.value if not asked.args else None
    if not isinstance(asked, (ast.ListComp, ast.GeneratorExp)) or len(asked.generators) != 1:
        return None
    over, part = asked.generators[0], asked.elt
    if over.ifs or not isinstance(part, ast.Subscript) or not isinstance(over.target, ast.Name):
        return None
    keys = _bound(scope, over.iter)
    while isinstance(keys, ast.Call):
        if isinstance(keys.func, ast.Name) and keys.func.id in _ALL_KEYS and keys.args:
            keys = keys.args[0]
        elif isinstance(keys.func, ast.Attribute) and keys.func.attr == "keys":
            keys = keys.func.value
        else:
            return None
    path = event.frame.path
    by_key = isinstance(part.slice, ast.Name) and part.slice.id == over.target.id
    same = keys is not None and program.source(keys, path) == program.source(part.value, path)
    return part.value if by_key and same else None


def _bound(scope: ast.AST, node: ast.AST | None) -> ast.AST | None:
    """What a name is bound to, where that happens once in the scope; anything else as it is."""
    found = bound_once(scope, node.id) if isinstance(node, ast.Name) else None
    return found.value if found is not None else node
