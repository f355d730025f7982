"""One element of each row, `values[np.arange(n), columns]`: an array gives them this way, a tensor does not."""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Value
from regrad.codemods.engine import imports
from regrad.codemods.engine.named_value import only_value
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.rule import Edit

_RANGES = ("arange", "range")


def columns(program: Program, node: ast.AST | None, path: str) -> ast.expr | None:
    """The columns of an expression that picks one element of each row; None for any other."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple) or len(node.slice.elts) != 2:
        return None
    rows, picked = node.slice.elts
    if isinstance(rows, ast.Name):
        rows = only_value(program, path, rows.id) or rows
    if not isinstance(rows, ast.Call) or called(rows) not in _RANGES or len(rows.args) != 1 or rows.keywords:
        return None
    return None if isinstance(picked, (ast.Constant, ast.Slice)) else picked


def edits(program: Program, sink: Sink, array: Value) -> tuple[Edit, ...]:
    """The edits that pick the elements of what becomes a tensor."""
    found: list[Edit] = []
    for value in reached(iter((sink.target,))):
        operation = value.operation
        if operation.kind != "index" or not any(part is array for part in operation.inputs) or operation.frame is None:
            continue
        path, node = operation.frame.path, operation.node
        picked = columns(program, node, path)
        if picked is None or not isinstance(node, ast.Subscript):
            continue
        source, tree = program.files[path], program.trees[path]
        spelled = imports.spelling(source, tree, ["tensorflow.gather"], node)
        start, end = source.span(node).start, source.span(node).end
        behind = Span(source.span(node.value).end, end)
        tail = f", {source.segment(source.span(picked))}, batch_dims=1)"
        found += [Edit(path, Span(start, start), f"{spelled.text}("), Edit(path, behind, tail), *spelled.edits]
    return tuple(dict.fromkeys(found))
