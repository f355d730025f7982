"""Targets that the class behind the data hands over where an argument of its constructor says so, and it does not."""

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
from regrad.codemods.engine.respelling import quoted
from regrad.codemods.engine.rule import Edit


class Switched(NamedTuple):
    """The calls that make the data, each with its file and the argument that should be another."""

    parameter: str
    value: str
    """What the argument should be, as it is written."""
    calls: tuple[tuple[ast.Call, str, Key], ...]


def switched_off(program: Program, event: Trained) -> Switched | None:
    """The flag without which nothing is handed over but inputs."""
    function = function_behind(event)
    found = _flag(function) if function is not None else None
    return _made_with(program, event, found[0], False, "True") if found is not None and found[1] else None


def another_mode(program: Program, event: Trained) -> Switched | None:
    """The mode in which the input itself is handed over as the target, where that of the data is None."""
    function = function_behind(event)
    found = _mode(function) if function is not None else None
    return (
        _made_with(program, event, found[0], None, quoted(program, event.frame.path, str(found[1].value)))
        if found is not None
        else None
    )


def _made_with(program: Program, event: Trained, attribute: str, now: bool | None, value: str) -> Switched | None:
    """The calls that make the data with an argument that is kept under that name, and is `now`."""
    given = event.source
    if not isinstance(given, Instance) or given.frame is None or not isinstance(given.node, ast.Call):
        return None
    maker = _constructor(given)
    parameter = _parameter(given, maker, attribute, flag=now is not None) if maker is not None else None
    if maker is None or parameter is None:
        return None
    calls = [(given.node, given.frame.path)]
    other = deliveries.assigned_call(program, event.frame.path, deliveries.validation(event))
    if other is not None and ast.unparse(other.func) == ast.unparse(given.node.func):
        calls.append((other, event.frame.path))
    keys = [_stated(call, maker, parameter, now) for call, _ in calls]
    if keys[0] is None:
        return None
    return Switched(
        parameter,
        value,
        tuple((call, path, key) for (call, path), key in zip(calls, keys, strict=True) if key is not None),
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


def _mode(function: ast.FunctionDef) -> tuple[str, ast.Constant] | None:
    """The one attribute and text for which the batch is returned twice: `if self.mode == "input": return x, x`."""
    found = []
    for node in ast.walk(function):
        if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare) or len(node.body) != 1:
            continue
        tested, returned = node.test, node.body[0]
        text = tested.comparators[0] if len(tested.ops) == 1 and isinstance(tested.ops[0], ast.Eq) else None
        own = _tested(tested.left, True)
        if own is None or not isinstance(text, ast.Constant) or not isinstance(text.value, str):
            continue
        if isinstance(returned, ast.Return) and isinstance(returned.value, ast.Tuple) and _is_twice(returned.value):
            found.append((own[0], text))
    return found[0] if len(found) == 1 else None


def _is_twice(pair: ast.Tuple) -> bool:
    """Whether the second of two is the first, or a copy of it."""
    if len(pair.elts) != 2 or not isinstance(pair.elts[0], ast.Name):
        return False
    first = pair.elts[0].id
    return ast.unparse(pair.elts[1]) in (first, f"{first}.copy()", f"np.copy({first})", f"numpy.copy({first})")


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


def _parameter(given: Instance, maker: ast.FunctionDef, attribute: str, flag: bool) -> str | None:
    """The parameter that the attribute keeps as it is given, and nothing else; a flag has a default that is one."""
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
    if len(kept) != 1 or len(stores) != 1:
        return None
    default = defaults(maker.args).get(kept[0])
    return kept[0] if not flag or (isinstance(default, ast.Constant) and isinstance(default.value, bool)) else None


def _pairs(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """What is bound to what, `a, b = c, d` taken apart."""
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs += zip(target.elts, node.value.elts, strict=False)
        else:
            pairs.append((target, node.value))
    return pairs


def _stated(call: ast.Call, maker: ast.FunctionDef, parameter: str, now: bool | None) -> Key | None:
    """The argument that decides it, where the call states what is `now` or leaves it at a default that is."""
    if any(word.arg is None for word in call.keywords) or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    names = positional_names(maker.args)[1:]
    place = names.index(parameter) if parameter in names else len(call.args)
    stated = next((word.value for word in call.keywords if word.arg == parameter), None)
    key: Key = parameter
    if place < len(call.args):
        stated, key = call.args[place], place
    value = defaults(maker.args).get(parameter) if stated is None else stated
    return key if isinstance(value, ast.Constant) and value.value is now else None


def switched_on(program: Program, found: Switched) -> tuple[Edit, ...]:
    """The argument is the other one wherever the data are made."""
    return tuple(change_call(program.files[path], call, Set(key, found.value)) for call, path, key in found.calls)
