"""How an expression of one function is written in another: with what its names were given, where that is in reach."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping, Sequence

from regrad.analysis.frames import Frame
from regrad.analysis.parameters import defaults, positional_names
from regrad.analysis.program import Program
from regrad.analysis.values import Value
from regrad.codemods.engine import imports
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.renamed_text import renamed_text
from regrad.codemods.engine.surroundings import stored, stored_locally

_ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Constant, ast.Subscript, ast.List, ast.Tuple, ast.Dict, ast.Set)
_DEEPEST = 12


class Speaker:
    """Says in the code of one function what expressions of others meant; `objects` are names that it has."""

    def __init__(self, program: Program, other: Frame, objects: Sequence[tuple[Value, str]] = ()) -> None:
        self.program = program
        self.other = other
        self.objects = tuple(objects)

    def said(self, node: ast.expr, frame: Frame, depth: int = 0) -> str:
        """The text that means there what `node` meant in `frame`; raises `CannotMove` where there is none.

        What a local name was assigned is written out, so that it is made anew.
        """
        program, other = self.program, self.other
        text = program.source(node, frame.path)
        if frame is other or (frame.function is other.function and frame.path == other.path):
            return text
        if depth > _DEEPEST:
            raise CannotMove("what it was given comes from too far away")
        own = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
        own |= stored(node)
        said: dict[str, str] = {}
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and each.id not in own and each.id not in said:
                said[each.id] = self._name(each, frame, depth)
        if own & set(said.values()):
            raise CannotMove("the expression has names of its own")
        return renamed_text(text, said)

    def _name(self, name: ast.Name, frame: Frame, depth: int) -> str:
        function = frame.function.node if frame.function is not None else None
        local = stored_locally(function) if function is not None and not isinstance(function, ast.Lambda) else set()
        if frame.function is None or function is None or name.id not in local:
            return self._global(name, frame)
        if name.id == _first_parameter(function) and _is_method(frame):
            return self._object(frame, depth)
        given = given_to(frame)
        if name.id in given:
            value, holder = given[name.id]
            return _wrapped(value, self.said(value, holder, depth + 1))
        values = [
            each.value
            for each in ast.walk(function)
            if isinstance(each, ast.Assign)
            and any(isinstance(one, ast.Name) and one.id == name.id for one in each.targets)
        ]
        bound = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name.id]
        if len(values) != 1 or sum(not isinstance(each.ctx, ast.Load) for each in bound) != 1:
            raise CannotMove(f"`{name.id}` is a local name of `{frame.function.name}`")
        return _wrapped(values[0], self.said(values[0], frame, depth + 1))

    def _object(self, frame: Frame, depth: int) -> str:
        """The object that a method ran on."""
        function = self.other.function
        if function is not None and self.other.this is frame.this and _is_method(self.other):
            return _first_parameter(function.node)
        for value, text in self.objects:
            if value is frame.this:
                return text
        receiver = frame.call.func if isinstance(frame.call, ast.Call) else None
        inner = frame.function is not None and frame.function.name == "__init__"
        if not isinstance(receiver, ast.Attribute) or frame.caller is None or inner:
            raise CannotMove("the object that the model belongs to has no name there")
        return self.said(receiver.value, frame.caller, depth + 1)

    def _global(self, name: ast.Name, frame: Frame) -> str:
        """A name of the module: it has to mean the same in the other function, and in the other file."""
        program, other = self.program, self.other
        function = other.function.node if other.function is not None else None
        if function is not None and name.id in stored_locally(function):
            raise CannotMove(f"`{name.id}` is something else where the model is trained again")
        tree = program.trees[frame.path]
        bound = any(name.id in stored(each) for each in tree.body)
        if frame.path == other.path or (not bound and hasattr(builtins, name.id)):
            return name.id
        here, there = _imported(tree), _imported(program.trees[other.path])
        if name.id in here and there.get(name.id) == here[name.id]:
            return name.id
        full = here.get(name.id, "")
        if full:
            # Both spellings are the same library where there is Keras 3.
            names = (full, f"tensorflow.{full}") if program.keras == 3 and full.startswith("keras") else (full,)
            said = imports.spelled(program.trees[other.path], names)
            if said is not None:
                return said
        elif any(local == name.id and whole.endswith(f".{name.id}") for local, whole in there.items()):
            return name.id
        raise CannotMove(f"`{name.id}` is not known in the file in which the model is trained again")


def _imported(tree: ast.Module) -> dict[str, str]:
    """The full names of what the top of a file imports, by local name."""
    found: dict[str, str] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                local = alias.asname or alias.name.partition(".")[0]
                found[local] = alias.name if alias.asname else local
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                found[alias.asname or alias.name] = f"{'.' * statement.level}{statement.module or ''}.{alias.name}"
    return found


def given_to(frame: Frame) -> Mapping[str, tuple[ast.expr, Frame]]:
    """The expression that each parameter of an activation was given, and the frame that it stands in."""
    function, call, caller = frame.function, frame.call, frame.caller
    if function is None or not isinstance(call, ast.Call) or caller is None:
        return {}
    arguments = function.node.args
    if any(isinstance(each, ast.Starred) for each in call.args) or any(word.arg is None for word in call.keywords):
        raise CannotMove("the arguments are unpacked from elsewhere")
    names = positional_names(arguments)
    module = Frame(frame.path, frame.scope.outermost())
    found: dict[str, tuple[ast.expr, Frame]] = {
        name: (value, module) for name, value in defaults(arguments).items() if isinstance(value, ast.Constant)
    }
    positional = names[1:] if _is_method(frame) else names
    found |= {name: (value, caller) for name, value in zip(positional, call.args, strict=False)}
    found |= {word.arg: (word.value, caller) for word in call.keywords if word.arg is not None}
    return found


def _is_method(frame: Frame) -> bool:
    return frame.function is not None and frame.function.owner is not None and frame.this is not None


def _first_parameter(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> str:
    names = positional_names(function.args)
    return names[0] if names else ""


def _wrapped(node: ast.expr, text: str) -> str:
    return text if isinstance(node, _ATOMS) else f"({text})"
