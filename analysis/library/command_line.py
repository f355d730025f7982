"""The arguments of a command line, as `argparse` reads them: numbers, texts and flags, which carry no gradient."""

from __future__ import annotations

import ast
from collections.abc import Mapping as Entries
from typing import TYPE_CHECKING

from regrad.analysis.values import (
    GIVEN,
    NONE,
    PLAIN,
    UNKNOWN,
    Class,
    Collection,
    Constant,
    External,
    Instance,
    Mapping,
    Unknown,
    Value,
    is_none,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

PARSER, NAMESPACE = "argparse.ArgumentParser", "argparse.Namespace"
_PLAIN = frozenset({"builtins.int", "builtins.float", "builtins.str", "builtins.bool"})
_FLAGS = frozenset({"store_true", "store_false", "count"})
_GROUPS = frozenset({"add_argument_group", "add_mutually_exclusive_group"})


def _parser(interpreter: Interpreter, name: str, call: Call) -> Value:
    return _made(interpreter, call, PARSER)


def method(interpreter: Interpreter, owner: Value, name: str, call: Call) -> Value | None:
    """Methods of a parser: its arguments are collected, and are the attributes of what it parses."""
    if not isinstance(owner, Instance) or owner.cls.external_bases() != [PARSER]:
        return None
    known: Entries[str, Value] = owner.fields.get("#arguments") or {}
    if name in _GROUPS:
        return owner
    if name == "add_argument":
        destination = _destination(call)
        if destination is not None:
            interpreter.store.put(owner.fields, "#arguments", {**known, destination: _argument(interpreter, call)})
        return NONE
    if name == "set_defaults":
        added = {each: _of_default(interpreter, each, value) for each, value in call.keywords.items()}
        interpreter.store.put(owner.fields, "#arguments", {**known, **added})
        return NONE
    if name not in ("parse_args", "parse_known_args"):
        return UNKNOWN
    arguments = _made(interpreter, call, NAMESPACE)
    arguments.fields.update(known)
    if name == "parse_args":
        return arguments
    return Collection("tuple", (arguments, interpreter.unknown("call", name, ())), True, call.node)


def as_dictionary(value: Value | None, node: ast.AST) -> Mapping | None:
    """`vars(args)`; None for anything else. What is set through it stays unknown, as the arguments are."""
    if not isinstance(value, Instance) or value.cls.external_bases() != [NAMESPACE]:
        return None
    return Mapping({name: each for name, each in value.fields.items() if isinstance(each, Value)}, False, node)


def _made(interpreter: Interpreter, call: Call, base: str) -> Instance:
    node = ast.ClassDef(base.rpartition(".")[2], [], [], [ast.Pass()], [])
    ast.copy_location(node, call.node)
    ast.fix_missing_locations(node)
    # Of a namespace it is not known what else it has.
    bases: tuple[Value, ...] = (External(base), UNKNOWN) if base == NAMESPACE else (External(base),)
    cls = Class(node, bases, interpreter.frame.scope, interpreter.frame.path)
    return Instance(cls, None, call.node, interpreter.frame, interpreter.tick())


def _destination(call: Call) -> str | None:
    """The attribute that an argument becomes: `dest`, the first long option, or the name of a positional one."""
    stated = call.get("dest")
    names = [value.value for value in call.positional if isinstance(value, Constant) and isinstance(value.value, str)]
    if isinstance(stated, Constant) and isinstance(stated.value, str):
        return stated.value
    long = [name for name in names if name.startswith("--")] or names
    return long[0].lstrip("-").replace("-", "_") if long else None


def _argument(interpreter: Interpreter, call: Call) -> Value:
    """The value of one argument: whatever the default is, another may be given."""
    action, kind, default = call.get("action"), call.get("type"), call.get("default")
    if not call.complete or (kind is not None and not (isinstance(kind, External) and kind.name in _PLAIN)):
        return interpreter.unknown("call", "argument", (UNKNOWN,))
    if isinstance(action, Constant) and action.value in _FLAGS:
        return _plain(interpreter, True)
    if call.get("nargs") is not None or action is not None:
        return interpreter.unknown("call", "argument", (UNKNOWN,))
    first, required = call.get(None, 0), call.get("required")
    positional = isinstance(first, Constant) and isinstance(first.value, str) and not first.value.startswith("-")
    must = isinstance(required, Constant) and required.value is True
    return _plain(interpreter, positional or must or (isinstance(default, Constant) and not is_none(default)))


def _of_default(interpreter: Interpreter, name: str, value: Value) -> Value:
    return _plain(interpreter, not is_none(value)) if isinstance(value, Constant) else value


def _plain(interpreter: Interpreter, given: bool) -> Value:
    return Unknown(PLAIN, "argument", (), interpreter.tick(), frozenset({GIVEN} if given else ()))


FUNCTIONS: dict[str, Handler] = {PARSER: _parser}
