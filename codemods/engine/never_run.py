"""The step of a graph that no session is ever asked to run: the loss is computed, and no weight moves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.events import Applied, Assigned, Fetched, Minimized
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Constant, External, Mapping, Operation, Tensor, Unknown, Value, Variable
from regrad.codemods.engine.idle_gradients import repeated
from regrad.codemods.engine.noticed import Noticed
from regrad.codemods.engine.surroundings import function_around

_STARTING = frozenset({"global_variables_initializer", "initialize_all_variables", "variables_initializer"})
_KEPT_IN = (ast.Dict, ast.List, ast.Tuple, ast.Return, ast.keyword)
_DEEPEST = 6


class NeverRun(NamedTuple):
    """The call that makes the step."""

    event: Applied | Minimized
    line: str


def never_run(program: Program) -> Iterator[Noticed]:
    """A step that is put into lists and dictionaries at most, and that nothing of what sessions compute contains."""
    steps: list[Applied | Minimized] = [*program.of(Applied), *program.of(Minimized)]
    if not program.graph or len({id(each.node) for each in steps}) != 1 or any(True for _ in program.of(Assigned)):
        return
    event = steps[-1]
    runs = list(program.of(Fetched))
    own = {id(each.step) for each in steps}
    leaves = [_leaves(each.fetches) for each in runs]
    if not any(repeated(program, each) for each in runs) or any(found is None for found in leaves):
        return
    if any(id(leaf) in own for found in leaves for leaf in found or ()) or not _only_kept(program, event):
        return
    message = "no session is asked to run this step: the loss is computed, and no weight moves"
    yield Noticed(event.node, event, message, NeverRun(event, "session.run([train_step, loss], feed_dict=...)"))


def _leaves(value: Value, depth: int = 0) -> list[Value] | None:
    """The things that are computed; None where that is not known."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, (Collection, Mapping)):
        if not value.complete:
            return None
        parts = value.items if isinstance(value, Collection) else tuple(value.entries.values())
        found: list[Value] = []
        for part in parts:
            inner = _leaves(part, depth + 1)
            if inner is None:
                return None
            found += inner
        return found
    if isinstance(value, (Tensor, Variable)) or (isinstance(value, Constant) and isinstance(value.value, str)):
        return [value]
    if isinstance(value, Unknown) and value.origin == "call":
        return [value] if _is_known(value.operation, value.label) else None
    return None


def _is_known(operation: Operation | None, label: str) -> bool:
    callee = operation.callee if operation is not None else None
    name = callee.name if isinstance(callee, External) else label
    return name.rpartition(".")[2] in _STARTING | {"apply_gradients", "minimize"}


def _only_kept(program: Program, event: Applied | Minimized) -> bool:
    """Whether the step gets a name that is read for lists, dictionaries and returns at most."""
    path = event.frame.path
    statement = program.statement(event.node, path)
    if not isinstance(statement, ast.Assign) or statement.value is not event.node or len(statement.targets) != 1:
        return False
    target, parents = statement.targets[0], program.parents(path)
    if isinstance(target, ast.Attribute):
        places = [each for other in program.trees for each in program.nodes_of(other, ast.Attribute)]
        return not any(each.attr == target.attr and isinstance(each.ctx, ast.Load) for each in places)
    if not isinstance(target, ast.Name) or _depended_on(program):
        return False
    scope = function_around(program, statement, path) or program.trees[path]
    reads = [each for each in ast.walk(scope) if isinstance(each, ast.Name) and each.id == target.id]
    return all(isinstance(parents.get(each), _KEPT_IN) for each in reads if isinstance(each.ctx, ast.Load))


def _depended_on(program: Program) -> bool:
    """Whether something waits for operations that it does not name."""
    names = {"control_dependencies", "get_collection", "get_operation_by_name", "group"}
    return any(called(node) in names for path in program.trees for node in program.nodes_of(path, ast.Call))
