"""What becomes of gradients: the optimizer call that they reach, and whether they are used at all."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Lookup

from regrad.analysis.events import Applied, GradientTaken
from regrad.analysis.flow import sources_of
from regrad.analysis.program import Program
from regrad.analysis.values import (
    Collection,
    Gradients,
    Instance,
    Mapping,
    Operation,
    Tensor,
    Union_,
    Unknown,
    Value,
    Variable,
    Zip,
)
from regrad.analysis.walking import each_once

_COMPUTED = frozenset({"operator", "op"})
MOST_OPERANDS = 32


def gradients_in(value: Value) -> Iterator[Gradients]:
    """The gradients from which a value is made, at any depth."""
    yield from (each for each in each_once([value], _made_of) if isinstance(each, Gradients))


def _made_of(value: Value) -> Iterable[Value]:
    if isinstance(value, Collection):
        return value.items
    if isinstance(value, Mapping):
        return value.entries.values()
    if isinstance(value, Zip):
        return value.parts
    if isinstance(value, Union_):
        return value.alternatives
    if isinstance(value, Unknown):
        return (*value.parents, *(value.operation.inputs if value.operation is not None else ()))
    return value.operation.inputs if isinstance(value, Tensor) else ()


def from_gradient(value: Value, depth: int = 0) -> bool:
    """Whether a value is a gradient, or computed from one in a few steps."""
    if isinstance(value, Gradients):
        return True
    if not isinstance(value, Tensor) or depth > 6:
        return False
    return value.operation.kind == "gradient" or any(from_gradient(part, depth + 1) for part in value.operation.inputs)


def replaces_variable(value: Value) -> bool:
    """Whether a tensor is what `w = w - rate * gradient` made of a variable, in the first pass or a later one; also
    where an operation is around it, as in `w = tf.clip_by_value(w - rate * gradient, 0.0, 1.0)`.
    """
    return replaced_variable(value) is not None


def replaced_variable(value: Value) -> Variable | None:
    """The variable that `w - rate * gradient` was computed from, in the first pass or a later one."""
    for _ in range(4):
        if not isinstance(value, Tensor) or value.operation.node is None:
            return None
        node = value.operation.node
        parts = _operands(value, node)
        if not any(from_gradient(part) for part in parts):
            return None
        variable = next((part for part in parts if isinstance(part, Variable)), None)
        if variable is not None:
            return variable
        earlier = [part for part in parts if isinstance(part, Tensor) and part.operation.node is node]
        if not earlier:
            return None
        value = earlier[0]
    return None


def _operands(value: Tensor, node: ast.AST) -> list[Value]:
    """What the expression `node` computes the tensor of: what is made in it is opened, but for earlier passes."""
    written = set(map(id, ast.walk(node)))
    found: list[Value] = []
    todo: list[Value] = list(value.operation.inputs)
    while todo and len(found) < MOST_OPERANDS:
        part = todo.pop()
        made = part.operation if isinstance(part, Tensor) else None
        if made is not None and made.kind in _COMPUTED and made.node is not node and id(made.node) in written:
            todo += made.inputs
        else:
            found.append(part)
    return found


def projects_variable(program: Program, value: Value) -> bool:
    """Whether a tensor is what `w = tf.nn.relu(w)` made of the variable `w`, in the first or a later pass."""
    return made_of_variable(value, lambda operation: _given_its_own_name(program, operation))


def made_of_variable(value: Value, fits: Callable[[Operation], bool]) -> bool:
    """Whether a tensor comes of a variable by one operation of the program that fits, in the first or a later pass."""
    for _ in range(4):
        if not isinstance(value, Tensor) or value.operation.node is None or not fits(value.operation):
            return False
        operation = value.operation
        if any(isinstance(part, Variable) for part in operation.inputs):
            return True
        earlier = [
            part for part in operation.inputs if isinstance(part, Tensor) and part.operation.node is operation.node
        ]
        if not earlier:
            return False
        value = earlier[0]
    return False


def _given_its_own_name(program: Program, operation: Operation) -> bool:
    """Whether the result of a call takes the place of one of its arguments: `w = tf.nn.relu(w)`."""
    node, frame = operation.node, operation.frame
    if operation.kind != "op" or frame is None or not isinstance(node, ast.Call):
        return False
    statement = program.statement(node, frame.path)
    if not isinstance(statement, ast.Assign) or statement.value is not node or len(statement.targets) != 1:
        return False
    target = statement.targets[0]
    if not isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
        return False
    name = program.source(target, frame.path)
    return any(program.source(argument, frame.path) == name for argument in node.args)


def projected_for_optimizer(program: Program, event: GradientTaken) -> list[Tensor]:
    """What was put in the place of variables, is watched by the tape, and comes to an optimizer of the library."""
    applied = of(program, event)
    if applied is None or isinstance(applied.optimizer, Instance):
        return []
    parts = applied.pairs.parts if isinstance(applied.pairs, Zip) else (applied.pairs,)
    given = {id(each) for part in parts for each in sources_of(part)[0]}
    return [
        each
        for each in sources_of(event.sources)[0]
        if isinstance(each, Tensor) and id(each) in given and projects_variable(program, each)
    ]


def of(program: Program, event: GradientTaken) -> Applied | None:
    """The optimizer call that gets the gradients of one request; None where none is seen to."""
    return next((each for each in program.once(_given).get(event, ()) if each.serial >= event.serial), None)


def _given(program: Program) -> dict[object, list[Applied]]:
    """The optimizer calls that the gradients of each request come to, in order."""
    found: dict[object, list[Applied]] = {}
    for applied in program.of(Applied):
        for event in dict.fromkeys(gradients.event for gradients in gradients_in(applied.pairs)):
            found.setdefault(event, []).append(applied)
    return found


def only_shown(program: Program, event: GradientTaken) -> bool:
    """Whether the gradient is printed or displayed and nothing else, as in a lesson on what gives None."""
    path = event.frame.path
    parents = program.parents(path)
    if any(each.node is event.node for each in program.of(Applied)):
        return False  # `minimize(loss, variables, tape=tape)` asks and applies
    if _shown(parents, event.node):
        return True
    statement = program.statement(event.node, path)
    if not isinstance(statement, ast.Assign) or statement.value is not event.node or len(statement.targets) != 1:
        return False
    names = {node.id for node in ast.walk(statement.targets[0]) if isinstance(node, ast.Name)}
    function = event.frame.function
    # A program may ask for gradients many times, so its nodes are not walked anew each time.
    read = program.once(_read)[path]
    reads = [node for name in names for node in _within(read.get(name, []), function.node if function else None)]
    return bool(names) and all(_shown(parents, node) for node in reads)


def _within(reads: list[ast.Name], function: ast.stmt | ast.expr | None) -> list[ast.Name]:
    """Those of the reads, which are in the order of the text, that stand in the function; all of them without one."""
    if function is None:
        return reads
    last = (function.end_lineno or function.lineno, function.end_col_offset or function.col_offset)
    first = bisect_left(reads, (function.lineno, function.col_offset), key=_position)
    return reads[first : bisect_left(reads, last, key=_position)]


def _position(node: ast.Name) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _read(program: Program) -> dict[str, dict[str, list[ast.Name]]]:
    """Where each file reads each name, in the order of the text."""
    found: dict[str, dict[str, list[ast.Name]]] = {path: {} for path in program.trees}
    for path, reads in found.items():
        for node in program.nodes_of(path, ast.Name):
            if isinstance(node.ctx, ast.Load):
                reads.setdefault(node.id, []).append(node)
        for nodes in reads.values():
            nodes.sort(key=_position)
    return found


def _shown(parents: Lookup[ast.AST, ast.AST], node: ast.AST) -> bool:
    """Whether an expression ends in `print(...)` or stands alone."""
    child, current = node, parents.get(node)
    while current is not None and not isinstance(current, ast.stmt):
        if isinstance(current, ast.Call):
            if getattr(current.func, "id", "") in ("print", "display", "repr", "str"):
                return True
            # `gradient.numpy()` is shown; `update(gradient)` is not.
            if current.func is not child:
                return False
        elif not isinstance(current, (ast.Attribute, ast.JoinedStr, ast.FormattedValue, ast.Tuple)):
            return False
        child, current = current, parents.get(current)
    return isinstance(current, ast.Expr)
