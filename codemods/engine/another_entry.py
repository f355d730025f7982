"""A layer that was looked up in a table of makers (`HEADS[kind]()`): the entry that makes what is wanted instead."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Layer
from regrad.codemods.engine.named_value import standing_for
from regrad.codemods.engine.respelling import file_of, quoted
from regrad.codemods.engine.rule import Edit

_Maker = ast.Lambda | ast.FunctionDef


def another_entry(program: Program, layer: Layer, activations: Collection[str]) -> tuple[str, tuple[Edit, ...]] | None:
    """The only other key under which a layer of the same kind and size has one of these activations, and the edits that
    ask for it where the key is written.
    """
    frame = layer.frame
    function = frame.function if frame is not None else None
    if frame is None or function is None or frame.caller is None or not isinstance(layer.node, ast.Call):
        return None
    call, path = frame.call, function.module
    asked = _key(call) if isinstance(call, ast.Call) else None
    value = standing_for(asked, frame.caller) if asked is not None else None
    written = value.node if isinstance(value, Constant) and isinstance(value.node, ast.Constant) else None
    where = file_of(program, written) if written is not None else None
    if written is None or where is None or not isinstance(written.value, str):
        return None
    for table in program.nodes_of(path, ast.Dict):
        makers = dict(_makers(program, path, table))
        if makers.get(written.value) is not function.node:
            continue
        fitting = [
            key for key, maker in makers.items() if key != written.value and _makes(maker, layer.node, activations)
        ]
        if len(fitting) != 1:
            return None
        text = quoted(program, where, fitting[0], written)
        return fitting[0], (Edit(where, program.files[where].span(written), text),)
    return None


def _key(call: ast.Call) -> ast.expr | None:
    """The key in `HEADS[kind]()` and `HEADS.get(kind)()`."""
    if isinstance(call.func, ast.Subscript):
        return call.func.slice
    inner = call.func
    looked_up = isinstance(inner, ast.Call) and called(inner) == "get" and isinstance(inner.func, ast.Attribute)
    return inner.args[0] if looked_up and isinstance(inner, ast.Call) and inner.args else None


def _makers(program: Program, path: str, table: ast.Dict) -> Iterator[tuple[str, _Maker]]:
    functions = {each.name: each for each in program.nodes_of(path, ast.FunctionDef)}
    for key, value in zip(table.keys, table.values, strict=True):
        maker = functions.get(value.id) if isinstance(value, ast.Name) else value
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and isinstance(maker, _Maker):
            yield key.value, maker


def _makes(maker: _Maker, like: ast.Call, activations: Collection[str]) -> bool:
    """Whether it makes one layer of the same class and size, with one of these activations."""
    made = [
        each
        for each in ast.walk(maker)
        if isinstance(each, ast.Call) and called(each) == called(like) and _size(each) == _size(like)
    ]
    stated = [word.value for each in made for word in each.keywords if word.arg == "activation"]
    return (
        len(made) == 1 and len(stated) == 1 and isinstance(stated[0], ast.Constant) and stated[0].value in activations
    )


def _size(call: ast.Call) -> str | None:
    first = next((word.value for word in call.keywords if word.arg in ("units", "filters")), None)
    first = first or (call.args[0] if call.args else None)
    return ast.dump(first) if first is not None else None
