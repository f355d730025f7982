"""The step of a graph that gets a name which nothing reads, while sessions run other operations in its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import freshness
from regrad.analysis.callee import called
from regrad.analysis.events import Applied, Assigned, Fetched, Filled, Minimized
from regrad.analysis.library.operation_calls import flatten
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor, Unknown, Value
from regrad.codemods.engine.idle_gradients import repeated
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.noticed import Noticed
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import block_of, function_around, index_in

_FOUND_BY_NAME = frozenset(
    "get_collection get_collection_ref get_operation_by_name get_operations as_graph_element get_tensor_by_name locals"
    " globals import_meta_graph add_to_collection eval exec EstimatorSpec create_train_op".split()
)


class LeftUnread(NamedTuple):
    """The call that makes the step, its statement, and the `tf.group` that sessions run."""

    event: Applied | Minimized
    statement: ast.Assign
    group: ast.Call


def left_unread(program: Program) -> Iterator[Noticed]:
    """A step with a name of its own that is not among the operations of the group that is run with the loss."""
    steps: list[Applied | Minimized] = [*program.of(Applied), *program.of(Minimized)]
    if not program.graph or len({id(each.node) for each in steps}) != 1 or freshness.weights_may_come(program):
        return
    event = steps[-1]
    path = event.frame.path
    statement = program.statement(event.node, path)
    if not isinstance(statement, ast.Assign) or statement.value is not event.node or not _unread(program, statement):
        return
    if _by_other_ways(program) or _moved_by_hand(program):
        return
    target = program.sinks[-1].target if program.sinks else None
    for fetched in program.of(Fetched):
        asked = flatten((fetched.fetches,))
        node = next((group for each in asked if (group := _group(each)) is not None), None)
        if not repeated(program, fetched) or not any(each is target for each in asked):
            continue
        if node is not None and function_around(program, node, path) is function_around(program, statement, path):
            message = "no session runs this step: nothing reads its name, and the group that is run does not contain it"
            yield Noticed(event.node, event, message, LeftUnread(event, statement, node))
            return


def _group(value: Value) -> ast.Call | None:
    """The `tf.group` that makes it."""
    operation = value.operation if isinstance(value, (Tensor, Unknown)) else None
    node = operation.node if operation is not None else None
    return node if isinstance(node, ast.Call) and called(node) == "group" else None


def _unread(program: Program, statement: ast.Assign) -> bool:
    """Whether nothing in any file says the name that the step gets."""
    target = statement.targets[0]
    if len(statement.targets) != 1 or not isinstance(target, ast.Name):
        return False
    return not any(
        (isinstance(node, ast.Name) and node.id == target.id and node is not target)
        or (isinstance(node, ast.Attribute) and node.attr == target.id)
        or (isinstance(node, ast.alias) and node.name == target.id)
        for path in program.trees
        for node in program.nodes(path)
    )


def _by_other_ways(program: Program) -> bool:
    """Whether the program finds operations by their names, or leaves the steps to a library."""
    return any(called(node) in _FOUND_BY_NAME for path in program.trees for node in program.nodes_of(path, ast.Call))


def _moved_by_hand(program: Program) -> bool:
    """Whether anything that is computed with gradients is assigned."""
    if any(True for _ in program.of(Filled)):
        return True
    values = [event.value for event in program.of(Assigned)]
    return any(tensor.operation.kind == "gradient" for tensor in reached(iter(values)))


def run_before(program: Program, found: LeftUnread) -> Mending:
    """What the group changes besides waits for the step."""
    from regrad.codemods.engine.moving import Rewrite

    path = found.event.frame.path
    source, tree = program.files[path], program.trees[path]
    holder = program.statement(found.group, path)
    block = block_of(program, found.statement, path)
    start, end = index_in(block, found.statement), index_in(block, holder) if holder is not None else None
    name = found.statement.targets[0]
    if start is None or end is None or end <= start or not isinstance(name, ast.Name):
        raise CannotMove("the group is not made behind the step, in the same block")
    space, dot, _ = program.source(found.group.func, path).rpartition(".")
    if not dot:
        raise CannotMove("TensorFlow is not called by its name here")
    assigned = [event.node for event in program.of(Assigned) if event.frame.path == path]
    between = block[start + 1 : end]
    waiting = [each for each in between if any(node in assigned for node in ast.walk(each))]
    if not waiting:
        raise CannotMove("what is run before the step, and what after it, is the author's to say")
    first, last = index_in(block, waiting[0]), index_in(block, waiting[-1])
    assert first is not None and last is not None
    rewrite = Rewrite(source, tree)
    rewrite.wrap(block[first : last + 1], f"with {space}.control_dependencies([{name.id}]):")
    reason = "the other operations run after the step, and what the step moves is moved"
    return Mending(
        "let the other operations wait for the step", Safety.UNSAFE, rewrite.edits(), reason, seen_in_step=False
    )
