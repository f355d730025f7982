"""Targets for a loss that reads none, where a generator or a class hands the batches over: a zero for each example."""

from __future__ import annotations

import ast

from regrad.analysis.events import Trained
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.codemods.engine import deliveries, imports
from regrad.codemods.engine.binding import bound_once
from regrad.codemods.engine.handed_over import function_behind, handed
from regrad.codemods.engine.handed_twice import only_trains
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.respelling import file_of
from regrad.codemods.engine.rule import Edit


def zeros_handed_over(program: Program, event: Trained) -> tuple[Edit, ...]:
    """The zeros behind what is handed over, each time; raises `CannotMove` where the batch's size has no name."""
    function = function_behind(event)
    path = file_of(program, function) if function is not None else None
    values = handed(function) if function is not None else []
    if function is None or path is None or not values or deliveries.validation(event) is not None:
        raise CannotMove("the loss reads no targets; any will do, one for each example")
    if function.name != "__getitem__" and not only_trains(program, function):
        raise CannotMove(f"`{function.name}` is used for other things than models as well")
    edits: list[Edit] = []
    source = program.files[path]
    for value in values:
        zeros = imports.spelled(program.trees[path], ["numpy.zeros"], value)
        alone = isinstance(value, ast.Tuple) and len(value.elts) == 1
        inputs = value.elts[0] if isinstance(value, ast.Tuple) and alone else value
        first = _first(function, inputs)
        if zeros is None or first is None or (isinstance(value, ast.Tuple) and not alone):
            raise CannotMove("the loss reads no targets; any will do, one for each example")
        span, text = source.span(value), f"{zeros}(len({first}))"
        if alone:
            written = source.segment(span)
            text = f"{source.segment(source.span(inputs))}, {text}"
            edits.append(Edit(path, span, f"({text})" if written.startswith("(") else text))
        else:
            edits.append(Edit(path, Span(span.end, span.end), f", {text}"))
    return tuple(edits)


def _first(function: ast.FunctionDef, inputs: ast.expr) -> str | None:
    """The name of the first of the inputs, each of which has a row for each example."""
    if isinstance(inputs, ast.Dict):
        written: ast.expr | None = inputs.values[0] if inputs.values else None
    elif isinstance(inputs, ast.List):
        written = inputs.elts[0] if inputs.elts else None
    elif isinstance(inputs, ast.Name):
        bound = bound_once(function, inputs.id)
        return _first(function, bound.value) if bound and isinstance(bound.value, (ast.Dict, ast.List)) else None
    else:
        return None
    return written.id if isinstance(written, ast.Name) else None
