"""The flag that a function hands to the variable it makes: where a call of that function decides it, the call
changes.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.frames import Frame
from regrad.analysis.parameters import defaults, named, positional_names
from regrad.analysis.program import Program
from regrad.analysis.values import Variable
from regrad.codemods.engine.arguments import Key, Set, change_call
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit


class AtCall(NamedTuple):
    """The call that decides whether the variable trains, the argument that says so, and what to say instead."""

    call: ast.Call
    frame: Frame
    key: Key
    value: bool
    flag: str


def at_call(variable: Variable) -> AtCall | None:
    """The call that decides; None where the flag is stated where the variable is made.

    Raises `CannotMove` where a parameter decides, but more than that parameter alone.
    """
    node, frame = variable.node, variable.frame
    if not isinstance(node, ast.Call):
        return None
    stated = next((each.value for each in node.keywords if each.arg == "trainable"), None)
    found: AtCall | None = None
    wanted = True
    while stated is not None and frame is not None and frame.function is not None:
        stated, wanted = _turned(stated, wanted)
        if isinstance(stated, ast.Constant):
            break
        function, call, caller = frame.function, frame.call, frame.caller
        parameters = {each.arg for each in named(function.node.args)}
        read = {each.id for each in ast.walk(stated) if isinstance(each, ast.Name)} & parameters
        if not read:
            break
        if not isinstance(stated, ast.Name) or _bound_again(function.node, stated.id):
            raise CannotMove("what decides it is computed from the arguments of a function")
        if not isinstance(call, ast.Call) or caller is None:
            raise CannotMove("nobody here calls the function that makes it")
        if any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords):
            raise CannotMove("the arguments of the function that makes it are not written out")
        key, given = _argument(frame, call, stated.id)
        if key is None:
            raise CannotMove("the arguments of the function that makes it are not written out")
        found = AtCall(call, caller, key, wanted, stated.id)
        stated, frame = given, caller
    # What the call states must be what the variable was made with; else the arguments were not followed rightly.
    if found is not None and isinstance(stated, ast.Constant) and stated.value is not (not found.value):
        raise CannotMove("the arguments of the function that makes it are not followed")
    return found


def stated_there(program: Program, decision: AtCall) -> Edit:
    """The call says the other thing."""
    source = program.files[decision.frame.path]
    return change_call(source, decision.call, Set(decision.key, str(decision.value)))


def _turned(stated: ast.expr, wanted: bool) -> tuple[ast.expr, bool]:
    while isinstance(stated, ast.UnaryOp) and isinstance(stated.op, ast.Not):
        stated, wanted = stated.operand, not wanted
    return stated, wanted


def _argument(frame: Frame, call: ast.Call, name: str) -> tuple[Key | None, ast.expr | None]:
    """Where the call states that parameter, or may, and what it states; nothing where the default decides."""
    function = frame.function
    if function is None:
        return None, None
    given = function.node.args
    for keyword in call.keywords:
        if keyword.arg == name:
            return name, keyword.value
    places = positional_names(given)
    if name in places:
        position = places.index(name) - (1 if frame.this is not None and places[0] != name else 0)
        if position < len(call.args):
            return position, call.args[position]
    only_positional = {each.arg for each in given.posonlyargs}
    return (name, None) if name in defaults(given) and name not in only_positional else (None, None)


def _bound_again(function: ast.AST, name: str) -> bool:
    return any(
        isinstance(each, ast.Name) and each.id == name and not isinstance(each.ctx, ast.Load)
        for each in ast.walk(function)
    )
