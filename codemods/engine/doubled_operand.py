"""One value on both sides of an operation, beside another value that is made just like it and that nothing reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.codemods.engine.surroundings import block_of, index_in

_EITHER_WAY = frozenset({"multiply", "add", "subtract", "squared_difference", "cosine_similarity", "cosine", "dot"})
"""Operations of two values that may change places, but for the sign of what comes out."""
_ONE_WAY = frozenset({"matmul", "einsum", "tensordot", "vecdot", "batch_dot", "concat", "concatenate", "stack"})


def other_side(
    program: Program, scope: ast.AST, statement: ast.Assign, name: str, value: ast.expr, path: str
) -> ast.Name | None:
    """The side that was meant for the name: the value on both sides is bound in the same block to what is written in
    the same way, and this is the only operation that has one value on both sides.
    """
    block = block_of(program, statement, path)
    here = index_in(block, statement)
    doubled = [each for each in _doubled(scope) if each[0].lineno > statement.lineno]
    if here is None or len(doubled) != 1:
        return None
    first, second, turns = doubled[0]
    twins = [each for each in _bindings(scope) if each[0] == first.id]
    if len(twins) != 1 or first.id == name or not _written_alike(twins[0][1], value):
        return None
    twin = twins[0][2]
    at = index_in(block, twin)
    if at is None or twin.lineno >= first.lineno:
        return None
    # What is bound first stands first.
    later = at < here or (twin is statement and twins[0][1].col_offset < value.col_offset)
    return second if later else first if turns else None


def _doubled(scope: ast.AST) -> Iterator[tuple[ast.Name, ast.Name, bool]]:
    """The operations with one name on both sides: the two places, and whether the sides may change places."""
    for node in ast.walk(scope):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.MatMult, ast.Mult, ast.Sub)):
            sides, turns = [node.left, node.right], not isinstance(node.op, ast.MatMult)
        elif isinstance(node, ast.Call):
            sides, turns = _operands(node), called(node) in _EITHER_WAY
        else:
            continue
        names = [found for found in map(_turned_name, sides) if found is not None]
        if len(names) == 2 and names[0].id == names[1].id:
            yield names[0], names[1], turns


def _operands(node: ast.Call) -> list[ast.expr]:
    """What a call of an operation is given, also as one list."""
    if called(node) not in _EITHER_WAY and called(node) not in _ONE_WAY:
        return []
    given = [*node.args, *(word.value for word in node.keywords)]
    if given and isinstance(given[0], (ast.List, ast.Tuple)):
        return list(given[0].elts)
    return given


def _turned_name(node: ast.expr) -> ast.Name | None:
    """A name, or its transpose."""
    if isinstance(node, ast.Call) and called(node) == "transpose" and node.args:
        node = node.args[0]
    return node if isinstance(node, ast.Name) else None


def _bindings(scope: ast.AST) -> Iterator[tuple[str, ast.expr, ast.Assign]]:
    """The names that the statements of a function bind, and to what."""
    for node in ast.walk(scope):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            targets, values = [target], [node.value]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                targets, values = target.elts, node.value.elts
            for part, value in zip(targets, values, strict=False):
                if isinstance(part, ast.Name):
                    yield part.id, value, node


def _written_alike(one: ast.expr, other: ast.expr) -> bool:
    """Whether two expressions are the same but for the names and numbers in them: `f(a.x)` and `g(a.y)`."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (ast.Name, ast.Constant)):
        return True
    parts, others = list(ast.iter_child_nodes(one)), list(ast.iter_child_nodes(other))
    return len(parts) == len(others) and all(map(_alike, parts, others))


def _alike(one: ast.AST, other: ast.AST) -> bool:
    if isinstance(one, ast.expr) and isinstance(other, ast.expr):
        return _written_alike(one, other)
    if isinstance(one, ast.keyword) and isinstance(other, ast.keyword):
        return one.arg == other.arg and _written_alike(one.value, other.value)
    return type(one) is type(other)
