"""`variable[:, a:b].assign(part)` as the tensor in which that part is replaced, put together of its pieces."""

from __future__ import annotations

import ast

from regrad.analysis.assigning import is_function
from regrad.analysis.program import Program
from regrad.analysis.values import Operation, Tensor
from regrad.codemods.engine import imports
from regrad.codemods.engine.broken_paths import argument
from regrad.codemods.engine.effects import path_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import replace_expression
from regrad.codemods.engine.rule import Edit


def put_together(program: Program, assigning: Operation) -> tuple[Edit, ...]:
    """The pieces of the variable before and behind the part, with the part between them.

    CannotMove where the part is not one slice of one axis, or the shape of what is put there is not known.
    """
    call, frame = assigning.node, assigning.frame
    if not isinstance(call, ast.Call) or frame is None or not isinstance(call.func, ast.Attribute):
        raise CannotMove("the assignment is not written out here")
    path = frame.path
    by_name = is_function(call)
    part = argument(call, 0, "ref") if by_name else call.func.value
    value = argument(call, 1, "value") if by_name else argument(call, 0, "value")
    if not isinstance(part, ast.Subscript) or value is None or path_of(part.value) is None:
        raise CannotMove("the assignment is not written out here")
    axis, cut = _one_axis(part)
    _check_rank(assigning, part)
    tree, holder = program.trees[path], program.source(part.value, path)
    concat = imports.spelled(tree, ["tensorflow.concat", "tensorflow.compat.v1.concat"], call)
    if concat is None:
        raise CannotMove("TensorFlow is not imported under a name here")
    around = [":"] * axis
    pieces = [program.source(value, path)]
    if cut.lower is not None and not (isinstance(cut.lower, ast.Constant) and cut.lower.value in (0, None)):
        pieces.insert(0, f"{holder}[{', '.join([*around, ':' + program.source(cut.lower, path)])}]")
    if cut.upper is not None:
        pieces.append(f"{holder}[{', '.join([*around, program.source(cut.upper, path) + ':'])}]")
    text = f"{concat}([{', '.join(pieces)}], axis={axis})" if len(pieces) > 1 else pieces[0]
    return replace_expression(program.files[path], tree, call, text)


def _one_axis(part: ast.Subscript) -> tuple[int, ast.Slice]:
    """The axis of which a slice is taken, and that slice; all the others are taken whole."""
    parts = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
    found: list[tuple[int, ast.Slice]] = []
    for axis, each in enumerate(parts):
        if not isinstance(each, ast.Slice) or each.step is not None:
            raise CannotMove("the part that is assigned is no slice of one axis")
        if each.lower is not None or each.upper is not None:
            found.append((axis, each))
    if len(found) != 1:
        raise CannotMove("the part that is assigned is no slice of one axis")
    return found[0]


def _check_rank(assigning: Operation, part: ast.Subscript) -> None:
    """What is assigned must have the shape of the part: a number would be spread, pieces are not."""
    variable, value = assigning.inputs[0], assigning.inputs[1] if len(assigning.inputs) > 1 else None
    shape = getattr(variable, "fields", {}).get("shape")
    if not isinstance(value, Tensor) or value.shape is None or not value.shape:
        raise CannotMove("the shape of what is assigned is not known")
    parts = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
    if len(value.shape) < len(parts) or (shape is not None and len(shape) != len(value.shape)):
        raise CannotMove("what is assigned has another rank")
