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
    if keys[0] is None:
        return None
    return Switched(
        parameter, tuple((call, path, key) for (call, path), key in zip(calls, keys, strict=True) if key is not None)
    )


def _flag(function: ast.FunctionDef) -> tuple[str, bool] | None:
    """The one attribute that decides whether a pair is returned, and the value for which it is."""
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    if len(returns) == 1 and isinstance(returns[0].value, ast.IfExp):
        chosen = returns[0].value
        pairs = [_is_pair(each) for each in (chosen.body, chosen.orelse)]
        return _tested(chosen.test, pairs[0]) if pairs[0] != pairs[1] else None
    paired = [node for node in returns if _is_pair(node.value)]
    if len(paired) != 1 or len(returns) != 2:
        return None
    pair = paired[0]
    single = next(node for node in returns if node is not pair)
    for node in ast.walk(function):
        blocks = [getattr(node, name, None) for name in ("body", "orelse")]
        for block in [each for each in blocks if isinstance(each, list)]:
            for index, statement in enumerate(block):
                if not isinstance(statement, ast.If):
                    continue
                # What follows the branch that ends in a return is the other branch.
                rest = [*statement.orelse, *block[index + 1 :]]
                if pair in statement.body and single in rest:
                    return _tested(statement.test, True)
                if single in statement.body and pair in rest:
                    return _tested(statement.test, False)
    return None


def _is_pair(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Tuple) and len(value.elts) == 2


def _tested(test: ast.expr, meant: bool) -> tuple[str, bool] | None:
    """The attribute of the object that is tested, and its value where the test comes out as meant."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, meant = test.operand, not meant
    own = isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name) and test.value.id == "self"
    return (test.attr, meant) if own and isinstance(test, ast.Attribute) else None


def _constructor(given: Instance) -> ast.FunctionDef | None:
    found = given.cls.find("__init__")
    node = getattr(found[0], "node", None) if found is not None else None
    return node if isinstance(node, ast.FunctionDef) else None


def _parameter(given: Instance, maker: ast.FunctionDef, attribute: str) -> str | None:
    """The parameter that the attribute keeps as it is given, and nothing else; None unless its default is a flag."""
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
    return kept[0] if isinstance(default, ast.Constant) and isinstance(default.value, bool) else None


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
    """The argument that switches it on, where the call states False or leaves it at a default that is."""
    if any(word.arg is None for word in call.keywords) or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    names = positional_names(maker.args)[1:]
    place = names.index(parameter) if parameter in names else len(call.args)
    stated = next((word.value for word in call.keywords if word.arg == parameter), None)
    key: Key = parameter
    if place < len(call.args):
        stated, key = call.args[place], place
    value = defaults(maker.args).get(parameter) if stated is None else stated
    return key if isinstance(value, ast.Constant) and value.value is False else None


def switched_on(program: Program, found: Switched) -> tuple[Edit, ...]:
    """The flag is on wherever the data are made."""
    return tuple(change_call(program.files[path], call, Set(key, "True")) for call, path, key in found.calls)
