"""Values that are scattered into a variable are scattered into a tensor instead, which keeps where they came from."""

from __future__ import annotations

import ast

from regrad.analysis.assigning import is_function, variable_of
from regrad.analysis.program import Program
from regrad.codemods.engine.broken_paths import argument, operand
from regrad.codemods.engine.surroundings import block_of

_OF_TENSORS = {
    "add": "tensor_scatter_nd_add",
    "sub": "tensor_scatter_nd_sub",
    "max": "tensor_scatter_nd_max",
    "min": "tensor_scatter_nd_min",
    "update": "tensor_scatter_nd_update",
}


def new_content(program: Program, call: ast.Call, path: str, held: str) -> tuple[str, ast.stmt | None]:
    """What the variable holds after `variable.scatter_…(…)`, as an expression of what it `held` before.

    With it comes the statement before, if that only empties the variable and the expression makes it superfluous.
    """
    from regrad.codemods.engine.moving import CannotMove

    assert isinstance(call.func, ast.Attribute)
    method, variable = call.func.attr, variable_of(call)
    receiver = program.source(variable, path) if variable is not None else ""
    kind = method.rpartition("_")[2]
    if method.startswith("batch_") or kind not in _OF_TENSORS:
        raise CannotMove(f"no function of tensors does what `{method}` does")
    places, updates = _places(program, call, path)
    emptied = _emptied(program, call, receiver, path) if held == receiver else None
    if emptied is not None and kind == "add":
        return f"{_spelled(program, call, path, 'scatter_nd')}({places}, {updates}, {receiver}.shape)", emptied
    return f"{_spelled(program, call, path, _OF_TENSORS[kind])}({held}, {places}, {updates})", None


def _places(program: Program, call: ast.Call, path: str) -> tuple[str, str]:
    """The indices, the last axis of which leads to one place, and what goes there."""
    from regrad.codemods.engine.moving import CannotMove

    assert isinstance(call.func, ast.Attribute)
    by_rows = not call.func.attr.startswith("scatter_nd_")
    given, first, second = call, 0, 1
    if is_function(call):
        first, second = 1, 2
    elif by_rows:
        first, second = 1, 0
        slices = argument(call, 0, "sparse_delta")
        name = slices.func.attr if isinstance(slices, ast.Call) and isinstance(slices.func, ast.Attribute) else ""
        if not isinstance(slices, ast.Call) or name != "IndexedSlices":
            raise CannotMove("the slices are made elsewhere")
        given = slices
    places = argument(given, first, "indices")
    updates = argument(given, second, "values", "updates")
    if places is None or updates is None:
        raise CannotMove("indices and values are not written out")
    where = program.source(places, path)
    if by_rows:
        where = (
            f"{_spelled(program, call, path, 'expand_dims')}({where}, -1)"
            if isinstance(places, (ast.List, ast.Tuple))
            else f"{operand(where)}[..., {_spelled(program, call, path, 'newaxis')}]"
        )
    return where, program.source(updates, path)


def _spelled(program: Program, call: ast.Call, path: str, name: str) -> str:
    from regrad.codemods.engine import imports
    from regrad.codemods.engine.moving import CannotMove

    found = imports.spelled(program.trees[path], [f"tensorflow.{name}", f"tensorflow.compat.v1.{name}"], call)
    if found is None:
        raise CannotMove("TensorFlow is not imported here")
    return found


def _emptied(program: Program, call: ast.Call, receiver: str, path: str) -> ast.stmt | None:
    """The statement right before that fills the variable with zeros."""
    statement = program.statement(call, path)
    if statement is None:
        return None
    block = block_of(program, statement, path)
    before = block[block.index(statement) - 1] if statement in block and block.index(statement) else None
    if not isinstance(before, ast.Expr) or not isinstance(before.value, ast.Call):
        return None
    assign = before.value
    if not isinstance(assign.func, ast.Attribute) or assign.func.attr != "assign" or len(assign.args) != 1:
        return None
    zeros = assign.args[0]
    name = zeros.func.attr if isinstance(zeros, ast.Call) and isinstance(zeros.func, ast.Attribute) else ""
    same = program.source(assign.func.value, path) == receiver and not assign.keywords
    return before if same and name in ("zeros", "zeros_like") else None
