"""Targets that the class behind the data hands over where a flag of its constructor says so, and the flag is off."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.events import Trained
from regrad.analysis.parameters import defaults, positional_names
from regrad.analysis.program import Program
from regrad.analysis.values import Instance
from regrad.codemods.engine import deliveries
from regrad.codemods.engine.arguments import Key, Set, change_call
from regrad.codemods.engine.handed_over import function_behind
from regrad.codemods.engine.rule import Edit


class Switched(NamedTuple):
    """The calls that make the data, each with its file and the argument that should be True."""

    parameter: str
    calls: tuple[tuple[ast.Call, str, Key], ...]


def switched_off(program: Program, event: Trained) -> Switched | None:
    """The flag without which nothing is handed over but inputs."""
    given, function = event.source, function_behind(event)
    if not isinstance(given, Instance) or given.frame is None or not isinstance(given.node, ast.Call):
        return None
    found = _flag(function) if function is not None else None
    maker = _constructor(given)
    if found is None or maker is None:
        return None
    attribute, meant = found
    parameter = _parameter(given, maker, attribute)
    if parameter is None or not meant:
        return None
    calls = [(given.node, given.frame.path)]
    other = deliveries.assigned_call(program, event.frame.path, deliveries.validation(event))
    if other is not None and ast.unparse(other.func) == ast.unparse(given.node.func):
        calls.append((other, event.frame.path))
    keys = [_off(call, maker, parameter) for call, _ in calls]
    if any(key is None for key in keys):
        return None
    return Switched(
        parameter, tuple((call, path, key) for (call, path), key in zip(calls, keys, strict=True) if key is not None)
    )


def _flag(function: ast.FunctionDef) -> tuple[str, bool] | None:
    """The one attribute that decides whether a pair is returned, and the value for which it is."""
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    pairs = [node for node in returns if isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2]
    if len(pairs) != 1 or len(returns) != 2:
        return None
    for node in ast.walk(function):
        if not isinstance(node, ast.If) or all(each is not pairs[0] for each in (*node.body, *node.orelse)):
            continue
        test, meant = node.test, pairs[0] in node.body
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test, meant = test.operand, not meant
        if isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name) and test.value.id == "self":
            return test.attr, meant
    return None


def _constructor(given: Instance) -> ast.FunctionDef | None:
    found = given.cls.find("__init__")
    node = getattr(found[0], "node", None) if found is not None else None
    return node if isinstance(node, ast.FunctionDef) else None


def _parameter(given: Instance, maker: ast.FunctionDef, attribute: str) -> str | None:
    """The parameter that the attribute keeps as it is given, and nothing else; None unless its default is False."""
    stores = [
        node
        for node in ast.walk(given.cls.node)
        if isinstance(node, ast.Attribute) and node.attr == attribute and isinstance(node.ctx, ast.Store)
    ]
    kept = [
        value.id
        for node in ast.walk(maker)
        if isinstance(node, ast.Assign)
        for target, value in _pairs(node)
        if isinstance(value, ast.Name) and any(target is store for store in stores)
    ]
    default = defaults(maker.args).get(kept[0]) if len(kept) == len(stores) == 1 else None
    return kept[0] if isinstance(default, ast.Constant) and default.value is False else None


def _pairs(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """What is bound to what, `a, b = c, d` taken apart."""
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs += zip(target.elts, node.value.elts, strict=False)
        else:
            pairs.append((target, node.value))
    return pairs


def _off(call: ast.Call, maker: ast.FunctionDef, parameter: str) -> Key | None:
    """The argument that switches it on, where the call leaves it at its default or states False."""
    if any(word.arg is None for word in call.keywords) or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    names = positional_names(maker.args)[1:]
    place = names.index(parameter) if parameter in names else len(call.args)
    stated = next((word.value for word in call.keywords if word.arg == parameter), None)
    key: Key = parameter
    if place < len(call.args):
        stated, key = call.args[place], place
    return key if stated is None or (isinstance(stated, ast.Constant) and stated.value is False) else None


def switched_on(program: Program, found: Switched) -> tuple[Edit, ...]:
    """The flag is on wherever the data are made."""
    return tuple(change_call(program.files[path], call, Set(key, "True")) for call, path, key in found.calls)
