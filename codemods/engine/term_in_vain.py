"""A term of a loss that could teach one variable alone, which no request asks for: the term teaches nothing."""

from __future__ import annotations

import ast

from regrad.analysis import flow
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Instance, Operation, Tensor, Unknown, Value, Variable, WeightList
from regrad.codemods.engine.effects import FUNCTIONS
from regrad.codemods.engine.left_out import LeftOut
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import function_around, owners

UNBOUNDED = frozenset({"exp", "softplus"})
"""Nobody writes a number that is to stay as it is by its logarithm: it is so that a step can take it anywhere."""
_ADDING = frozenset({"add", "subtract", "add_n", "negative"})


def lists_are_known(program: Program) -> bool:
    """Whether it is known of every request in the program what it asks for."""
    return all(flow.sources_of(sink.sources)[1] for sink in program.sinks)


def in_vain(sink: Sink, variable: Variable, missing: set[int]) -> bool:
    """Whether something that is added up to the target reaches the variable, and nothing besides but others that are
    `missing` from every list: its author stopped all other ways, so it is there for the variable.
    """
    stack: list[Value] = [sink.target]
    while stack:
        value = stack.pop()
        reach = sink.gradient_flow.reach(value)
        if id(variable) not in reach.sources or not isinstance(value, Tensor):
            continue
        if reach.sources.keys() <= missing and not reach.anything:
            return value is not sink.target and _stopped_in(value)
        if value.operation.name in _ADDING:
            stack.extend(value.operation.inputs)
    return False


def _stopped_in(term: Tensor) -> bool:
    """Whether something in the term was kept constant by the author."""
    return any(operation.name == "stop_gradient" for operation in _operations((term,)))


def written_by_its_logarithm(program: Program, variable: Variable) -> bool:
    """Whether any target of the program is computed from the exponential of the variable, gradients or not."""
    targets = tuple(sink.target for sink in program.sinks)
    return any(
        operation.name.lower() in UNBOUNDED and any(part is variable for part in operation.inputs)
        for operation in _operations(targets)
    )


def _operations(values: tuple[Value, ...]) -> list[Operation]:
    """All operations that the values were made by, at any depth."""
    found: list[Operation] = []
    seen: set[int] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        operation = value.operation if isinstance(value, (Tensor, Unknown)) else None
        if operation is not None:
            found.append(operation)
            stack.extend(operation.inputs)
    return found


def joined_where_returned(program: Program, evidence: LeftOut) -> Mending | None:
    """The variable joins the list that a method of the same object returns, for the one function that asks with it;
    None where the list is made in another way.
    """
    event, sources = evidence.event, evidence.event.sources
    path, this, asking = event.frame.path, event.frame.this, event.frame.function
    if not isinstance(sources, WeightList) or sources.node is None or asking is None:
        return None
    if not isinstance(this, Instance) or not evidence.spelled.startswith("self."):
        return None
    if sources.node not in program.parents(path):
        return None
    method = function_around(program, sources.node, path)
    if not isinstance(method, ast.FunctionDef) or method is asking.node:
        return None
    classes = [_class_around(program, each, path) for each in (method, asking.node)]
    body = [each for each in method.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
    if classes[0] is None or classes[0] is not classes[1] or [each.arg for each in method.args.args] != ["self"]:
        return None
    if len(body) != 1 or not isinstance(body[0], ast.Return) or not _is_sum(body[0].value, sources.node):
        return None
    if not _read_by(program, method.name, asking.node, path):
        return None
    from regrad.codemods.engine.moving import Rewrite

    returned = body[0].value
    assert returned is not None
    addition = evidence.listed or f"[{evidence.spelled}]"
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(returned, f"{program.source(returned, path)} + {addition}")
    reason = "weights move that did not move before"
    return Mending(f"train `{evidence.spelled}` as well", Safety.UNSAFE, rewrite.edits(), reason)


def _class_around(program: Program, node: ast.AST, path: str) -> ast.ClassDef | None:
    return next((each for each in owners(program, node, path) if isinstance(each, (ast.ClassDef, *FUNCTIONS))), None)  # type: ignore[return-value]


def _is_sum(node: ast.expr | None, part: ast.AST) -> bool:
    """Whether it is that list, or a sum that the list stands in."""
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        if node.right is part:
            return True
        node = node.left
    return node is part


def _read_by(program: Program, name: str, function: ast.AST, path: str) -> bool:
    """Whether nothing but that function mentions the method."""
    own = {id(node) for node in ast.walk(function)}
    for each in program.trees:
        for node in program.nodes_of(each, ast.Attribute):
            if node.attr == name and (each != path or id(node) not in own):
                return False
        if any(node.value == name for node in program.nodes_of(each, ast.Constant)):
            return False
    return True
