"""Variables of graph programs: the scopes that name them, and the collection that TensorFlow keeps them in."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from regrad.analysis.assigning import ASSIGNING, SCATTERING
from regrad.analysis.values import Collection, Constant, External, Tensor, Value, Variable

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler


class VariableScope(Value):
    """`tf.variable_scope(name)` by its whole name; None where that is not known."""

    __slots__ = ("name",)

    def __init__(self, name: str | None) -> None:
        self.name = name


def _scope(interpreter: Interpreter, name: str, call: Call) -> Value:
    given = call.get("name_or_scope", 0)
    if isinstance(given, VariableScope):
        return given
    if not isinstance(given, Constant) or not isinstance(given.value, str):
        return VariableScope(None)
    return VariableScope(whole(interpreter, given.value))


def whole(interpreter: Interpreter, name: str) -> str | None:
    """A name with the scopes that are open in front of it."""
    outer = interpreter.scopes[-1] if interpreter.scopes else ""
    return None if outer is None else f"{outer}/{name}" if outer else name


def known(interpreter: Interpreter, arguments: dict[str, Value]) -> tuple[str | None, Variable | None]:
    """The whole name that `get_variable` gives, and the variable that has it already: the same name is the same
    variable.
    """
    stated = arguments.get("name")
    if not isinstance(stated, Constant) or not isinstance(stated.value, str):
        return None, None
    name = whole(interpreter, stated.value)
    return name, None if name is None else interpreter.named_variables.get(name)


def register(interpreter: Interpreter, variable: Variable, name: str | None) -> None:
    """Note a variable of the graph, with its whole name where that is known."""
    if name is not None:
        interpreter.named_variables[name] = variable
        variable.fields["#name"] = name
    if interpreter.graph and not interpreter.conditional:
        interpreter.graph_variables.append(variable)


def trainable(interpreter: Interpreter, scope: str | None, node: ast.AST) -> Collection:
    """The trainable variables of the graph so far, in a scope. There may be more, of which nothing is known."""
    found = [variable for variable in interpreter.graph_variables if _trains(variable)]
    if scope:
        # TensorFlow matches the scope from the start of the name, as a regular expression.
        pattern = _pattern(scope)
        found = [
            variable for variable in found if pattern is not None and pattern.match(variable.fields.get("#name") or "")
        ]
    return Collection("list", tuple(dict.fromkeys(found)), True, node, True)


def _pattern(scope: str) -> re.Pattern[str] | None:
    try:
        return re.compile(scope)
    except re.error:
        return None


def _trains(variable: Variable) -> bool:
    stated = variable.fields.get("trainable")
    return stated is None or (isinstance(stated, Constant) and (stated.value is None or bool(stated.value)))


def _collected(interpreter: Interpreter, name: str, call: Call) -> Value:
    from regrad.analysis import calls

    key = call.get("key", 0)
    if name.endswith("get_collection"):
        if not isinstance(key, External) or not key.name.endswith("GraphKeys.TRAINABLE_VARIABLES"):
            return calls.unknown_call(interpreter, External(name), call)
        scope = call.get("scope", 1)
    else:
        scope = call.get("scope", 0)
    if not interpreter.graph:
        return calls.unknown_call(interpreter, External(name), call)
    if isinstance(scope, VariableScope) and scope.name is not None:
        return trainable(interpreter, scope.name, call.node)
    if scope is None or (isinstance(scope, Constant) and (scope.value is None or isinstance(scope.value, str))):
        return trainable(interpreter, scope.value if isinstance(scope, Constant) else None, call.node)
    return calls.unknown_call(interpreter, External(name), call)


def _assign(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`tf.assign(variable, value)`, `tf.scatter_add(variable, indices, updates)`: the method, as a function."""
    from regrad.analysis import calls
    from regrad.analysis.interpreter import Call as Arguments
    from regrad.analysis.library import variables

    last = name.rpartition(".")[2]
    method = _KERAS.get(last, last)
    variable = call.get("x" if name.startswith("K.") else "ref", 0)
    if method in SCATTERING:
        value = call.get("updates", 2)
    else:
        value = call.get("value", 1) or call.get("new_x") or call.get("increment") or call.get("decrement")
    part = variables.variable_of_part(variable) if isinstance(variable, Tensor) else None
    if part is not None and value is not None and method not in SCATTERING:
        return variables.part_assigned(interpreter, part, method, Arguments(call.node, (), {"value": value}))
    if not isinstance(variable, Variable) or value is None:
        return calls.unknown_call(interpreter, External(name), call)
    word = "updates" if method in SCATTERING else "value"
    return variables.method_of_variable(interpreter, variable, method, Arguments(call.node, (), {word: value}))


_KERAS = {"update": "assign", "update_add": "assign_add", "update_sub": "assign_sub"}
FUNCTIONS: dict[str, Handler] = {
    **{f"{space}.variable_scope": _scope for space in ("tf", "tf1")},
    **{f"{space}.{name}": _collected for space in ("tf", "tf1") for name in ("trainable_variables", "get_collection")},
    **{f"{space}.{name}": _assign for space in ("tf", "tf1") for name in ASSIGNING},
    **{f"K.{name}": _assign for name in _KERAS},
}
