"""The function that a data set is mapped with, where it takes the target beside the input and does not hand it on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.events import Trained
from regrad.analysis.location import Span
from regrad.analysis.parameters import defaults
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor, Value
from regrad.codemods.engine.handed_over import mapped
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.rule import Edit


class Dropping(NamedTuple):
    """What the function returns, its file, and the name of what it drops."""

    values: tuple[ast.expr, ...]
    path: str
    name: str


def dropped_by(program: Program, event: Trained) -> Dropping | None:
    """The one function on the way of these data that drops the target; else the only one of the program that does."""
    on_the_way: dict[int, tuple[ast.FunctionDef | ast.Lambda, str]] = {}
    for tensor in _made_from(event.data):
        frame = tensor.operation.frame
        while frame is not None:
            node = frame.function.node if frame.function is not None else None
            if isinstance(node, (ast.FunctionDef, ast.Lambda)) and _is_mapping(frame.call, node):
                on_the_way[id(node)] = (node, frame.path)
            frame = frame.caller
    for functions in (on_the_way.values(), mapped(program)):
        found = [each for each in (_dropped(node, path) for node, path in functions) if each is not None]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _made_from(data: Value | None) -> Iterator[Tensor]:
    """The tensors that an element comes from, those before a batch was made of them included."""
    waiting, seen = [data], set[int]()
    while waiting:
        for tensor in reached(iter([waiting.pop()])):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield tensor
                waiting.append((tensor.operation.arguments or {}).get("element"))


def _is_mapping(call: ast.AST | None, function: ast.FunctionDef | ast.Lambda) -> bool:
    """Whether a `map` calls the function with what each element holds, and with nothing in the target's place."""
    if not isinstance(call, ast.Call) or called(call) != "map":
        return False
    bound = [word.arg for each in ast.walk(call) if isinstance(each, ast.Call) for word in each.keywords]
    return not ({each.arg for each in function.args.args[:3]} & set(bound) or None in bound)


def _dropped(function: ast.FunctionDef | ast.Lambda, path: str) -> Dropping | None:
    parameters = function.args.args[1:] if _bound(function) else function.args.args
    optional = defaults(function.args)
    if len([each for each in parameters if each.arg not in optional]) != 2 or parameters[1].arg in optional:
        return None
    name = parameters[1].arg
    inside = [each for part in _body(function) for each in ast.walk(part)]
    if name.startswith("_") or any(isinstance(each, ast.Name) and each.id == name for each in inside):
        return None
    if isinstance(function, ast.Lambda):
        values: list[ast.expr | None] = [function.body]
    else:
        values = [each.value for each in inside if isinstance(each, ast.Return)]
    single = [each for each in values if each is not None and not isinstance(each, (ast.Tuple, ast.Dict))]
    return Dropping(tuple(single), path, name) if single and len(single) == len(values) else None


def _bound(function: ast.FunctionDef | ast.Lambda) -> bool:
    return bool(function.args.args) and function.args.args[0].arg in ("self", "cls")


def _body(function: ast.FunctionDef | ast.Lambda) -> list[ast.AST]:
    return [function.body] if isinstance(function, ast.Lambda) else [*function.body]


def passed_on(program: Program, found: Dropping) -> tuple[Edit, ...]:
    """The target behind the input, wherever the function returns."""
    source, parents = program.files[found.path], program.parents(found.path)
    edits: list[Edit] = []
    for value in found.values:
        span = source.span(value)
        if isinstance(parents.get(value), ast.Lambda):
            edits.append(Edit(found.path, span, f"({source.segment(span)}, {found.name})"))
        else:
            edits.append(Edit(found.path, Span(span.end, span.end), f", {found.name}"))
    return tuple(edits)
