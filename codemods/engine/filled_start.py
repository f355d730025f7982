"""The zeros or ones that a variable starts from, also as an array, under a name and in another type, and random numbers
in their place.
"""

from __future__ import annotations

import ast

from regrad.analysis.program import Program
from regrad.analysis.values import Tensor, Value, Variable
from regrad.codemods.engine import imports
from regrad.codemods.engine.broken_paths import argument
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import replace_expression
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.surroundings import function_around

_RETYPING = frozenset({"astype", "cast", "constant", "convert_to_tensor", "float32", "float64", "array", "asarray"})
_SPREAD = 0.1


def filled(initial: Value | None) -> Tensor | None:
    """The zeros or ones that a first value is, in whatever type."""
    while isinstance(initial, Tensor):
        operation = initial.operation
        if operation.kind == "constant" and operation.name in ("zeros", "ones"):
            return initial
        if operation.name not in _RETYPING or not operation.inputs:
            return None
        initial = operation.inputs[0]
    return None


def drawn_instead(program: Program, variable: Variable, made: ast.Call) -> tuple[Edit, ...]:
    """Random numbers where the zeros are made that a variable starts from, if nothing else reads them.

    CannotMove where their place or their shape is not certain.
    """
    zeros = filled(variable.initial)
    call = zeros.operation.node if zeros is not None else None
    if zeros is None or not isinstance(call, ast.Call) or variable.frame is None or zeros.operation.frame is None:
        raise CannotMove("the shape of the weights is not written out in the call that makes them")
    path = variable.frame.path
    if zeros.operation.frame.path != path or not (_within(call, made) or _only_for(program, call, made, path)):
        raise CannotMove("the numbers that the weights start from are made elsewhere")
    shape = argument(call, 0, "shape", "dims")
    if shape is None:
        raise CannotMove("the shape of the weights is not written out in the call that makes them")
    text = _drawn(program, call, program.source(shape, path), path)
    return replace_expression(program.files[path], program.trees[path], call, text)


def _drawn(program: Program, call: ast.Call, shape: str, path: str) -> str:
    space, _, _ = program.source(call.func, path).rpartition(".")
    stated = argument(call, 1, "dtype")
    tree = program.trees[path]
    if space and space == imports.spelled(tree, "numpy", call):
        kept = f".astype({program.source(stated, path)})" if stated is not None else ""
        return f"{space}.random.normal(0.0, {_SPREAD}, {shape}){kept}"
    normal = imports.spelled(
        tree, ["tensorflow.random.truncated_normal", "tensorflow.compat.v1.truncated_normal"], call
    )
    if normal is None or "np" in space.split("."):
        raise CannotMove("TensorFlow is not imported under a name here")
    return f"{normal}({shape}, stddev={_SPREAD})"


def _within(call: ast.AST, made: ast.Call) -> bool:
    return any(each is call for each in ast.walk(made))


def _only_for(program: Program, call: ast.Call, made: ast.Call, path: str) -> bool:
    """Whether the zeros get a name that nothing but this call reads."""
    statement = program.statement(call, path)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    target = statement.targets[0]
    if not isinstance(target, ast.Name):
        return False
    scope = function_around(program, call, path) or program.trees[path]
    uses = [each for each in ast.walk(scope) if isinstance(each, ast.Name) and each.id == target.id]
    read = [each for each in uses if each is not target]
    return len(read) == 1 and isinstance(read[0].ctx, ast.Load) and _within(read[0], made)
