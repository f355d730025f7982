"""Records without a class in the program: named tuples, and namespaces made of keywords."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis.library import command_line
from regrad.analysis.values import UNKNOWN, Class, Collection, Constant, External, Instance, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

_BASES = frozenset({"collections.namedtuple", "typing.NamedTuple"})


def elements(record: Instance) -> list[Value] | None:
    """The values of a named tuple in order; None for another object, or where one is not known."""
    if not _BASES & set(record.cls.external_bases()):
        return None
    names = [
        statement.target.id
        for each in reversed(list(record.cls.ancestry()))
        for statement in each.node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]
    values = [record.fields.get(name) for name in names]
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else None


def _named_tuple(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`namedtuple("Step", "state action")`: a class with these fields."""
    title, fields = call.get("typename", 0), call.get("field_names", 1)
    names = _field_names(fields)
    if not isinstance(title, Constant) or not isinstance(title.value, str) or names is None or call.get("defaults"):
        return UNKNOWN
    annotation = ast.Name("object", ast.Load())
    body: list[ast.stmt] = [ast.AnnAssign(ast.Name(each, ast.Store()), annotation, None, 1) for each in names]
    node = ast.ClassDef(title.value, [], [], body or [ast.Pass()], [])
    ast.copy_location(node, call.node)
    ast.fix_missing_locations(node)
    return Class(node, (External("collections.namedtuple"),), interpreter.frame.scope, interpreter.frame.path)


def _field_names(fields: Value | None) -> list[str] | None:
    if isinstance(fields, Constant) and isinstance(fields.value, str):
        return fields.value.replace(",", " ").split()
    if isinstance(fields, Collection) and fields.complete:
        names = [item.value for item in fields.items if isinstance(item, Constant) and isinstance(item.value, str)]
        return names if len(names) == len(fields.items) else None
    return None


def _namespace(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`SimpleNamespace(units=8, rate=0.1)`: an object with these attributes, to which others may come."""
    if call.positional or not call.complete:
        return interpreter.unknown("call", name, call.all())
    node = ast.ClassDef(name.rpartition(".")[2], [], [], [ast.Pass()], [])
    ast.copy_location(node, call.node)
    ast.fix_missing_locations(node)
    # What else it may get is not known: so is the class that it is of.
    made = Class(node, (UNKNOWN,), interpreter.frame.scope, interpreter.frame.path)
    record = Instance(made, None, call.node, interpreter.frame, interpreter.tick())
    record.fields.update(call.keywords)
    return record


def forget(interpreter: Interpreter, value: Value | None) -> None:
    """From here on any attribute of a namespace may be another: they are set by names that are not known."""
    if isinstance(value, Instance) and value.role is None and value.cls.bases == (UNKNOWN,):
        for name in list(value.fields):
            interpreter.store.put(value.fields, name, interpreter.unknown("attribute", str(name), ()))


def _variables(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`vars(namespace)`: through this dictionary, attributes can be set."""
    arguments = command_line.as_dictionary(call.get(None, 0), call.node)
    if arguments is not None:
        return arguments
    for value in call.positional:
        forget(interpreter, value)
    return interpreter.unknown("call", "vars", call.all())


FUNCTIONS: dict[str, Handler] = {
    "collections.namedtuple": _named_tuple,
    "types.SimpleNamespace": _namespace,
    "argparse.Namespace": _namespace,
    "builtins.vars": _variables,
}
