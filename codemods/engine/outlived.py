"""A weight that a layer makes only to assign to it: once its readers compute with the value itself, nobody needs it."""

from __future__ import annotations

import ast
from collections.abc import Collection

from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Variable
from regrad.codemods.engine.respelling import file_of

_MAKERS = frozenset({"add_weight", "add_variable", "Variable"})


def outlived(
    program: Program, variable: Variable, receiver: ast.expr, path: str, gone: Collection[ast.AST]
) -> ast.Assign | None:
    """The statement that makes a trainable weight which, without the reads `gone`, nothing reads any more.

    Left there it would be a weight without a gradient. None where it may be read, or is no weight that trains.
    """
    flag = variable.arguments.get("trainable")
    if not isinstance(receiver, ast.Attribute) or (isinstance(flag, Constant) and not flag.value):
        return None
    if variable.node is None or file_of(program, variable.node) != path:
        return None
    maker = program.statement(variable.node, path)
    if not isinstance(maker, ast.Assign) or len(maker.targets) != 1 or maker.value is not variable.node:
        return None
    name = getattr(variable.node.func, "attr", "") if isinstance(variable.node, ast.Call) else ""
    target = maker.targets[0]
    if name not in _MAKERS or not isinstance(target, ast.Attribute) or target.attr != receiver.attr:
        return None
    passed = set(map(id, gone)) | {id(target)}
    for other in program.trees:
        if receiver.attr in program.files[other].text and any(
            node.attr == receiver.attr and id(node) not in passed for node in program.nodes_of(other, ast.Attribute)
        ):
            return None
    return maker
