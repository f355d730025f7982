"""An operand that a function is given: whether the function serves other calls as well, and where this one hands it."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from regrad.analysis.frames import Frame
from regrad.analysis.parameters import positional_names
from regrad.analysis.program import Program
from regrad.analysis.values import Function
from regrad.codemods.engine.layout import CannotMove


def serves_others(program: Program, frame: Frame, known: Iterable[ast.AST | None]) -> bool:
    """Whether the function of the frame is called from places that are not among the known ones."""
    function = frame.function
    name = _name(program, function) if function is not None else None
    if function is None or name is None:
        return False
    seen = {id(call) for call in known}
    of_object = frame.this is not None
    return any(
        _calls(each.func, name, of_object) and id(each) not in seen
        for path in program.files
        for each in program.nodes_of(path, ast.Call)
    )


def _calls(callee: ast.expr, name: str, of_object: bool) -> bool:
    if of_object:
        # Any object may have a method of that name; only of its own it is certain.
        own = isinstance(callee, ast.Attribute) and isinstance(callee.value, ast.Name) and callee.value.id == "self"
        return own and isinstance(callee, ast.Attribute) and callee.attr == name
    return isinstance(callee, ast.Name) and callee.id == name


def _name(program: Program, function: Function) -> str | None:
    """What a function is called; a lambda by the name that it is bound to."""
    if not isinstance(function.node, ast.Lambda):
        return function.name
    parent = program.parents(function.module).get(function.node) if function.module in program.trees else None
    bound = parent.targets if isinstance(parent, ast.Assign) and parent.value is function.node else []
    return bound[0].id if len(bound) == 1 and isinstance(bound[0], ast.Name) else None


def at_call(frame: Frame, operand: ast.expr) -> tuple[str, ast.expr]:
    """The file and the argument that the call of this frame hands over for the operand.

    Raises `CannotMove` where the operand is no parameter, or the function does something else with it too.
    """
    function, call, caller = frame.function, frame.call, frame.caller
    reason = "the function is called with values of other shapes too"
    if function is None or caller is None or not isinstance(operand, ast.Name) or not isinstance(call, ast.Call):
        raise CannotMove(reason)
    if any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords):
        raise CannotMove(reason)
    arguments = function.node.args
    names = positional_names(arguments)
    every = {*names, *(each.arg for each in arguments.kwonlyargs)}
    if names[:1] in (["self"], ["cls"]) and isinstance(call.func, ast.Attribute):
        names = names[1:]
    given = dict(zip(names, call.args, strict=False))
    given.update({each.arg: each.value for each in call.keywords if each.arg is not None})
    uses = [each for each in ast.walk(function.node) if isinstance(each, ast.Name) and each.id == operand.id]
    if operand.id not in every or operand.id not in given or len(uses) != 1:
        raise CannotMove(reason)
    return caller.path, given[operand.id]
