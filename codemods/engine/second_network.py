"""A network that is made a second time: an object makes one of its own, where the one that is trained was meant."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.frames import Frame
from regrad.analysis.location import Position, Span
from regrad.analysis.parameters import named
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Instance, Network, Value, Variable
from regrad.codemods.engine.rule import Edit, Mending, Safety


def holders(sink: Sink, asked: Value) -> list[Value]:
    """The objects of the program that made the variables which the target depends on, built like the asked one."""
    found: dict[int, Value] = {}
    for value in sink.gradient_flow.reach(sink.target).sources.values():
        owner = owner_of((value,))
        if owner is not None and _built_alike(owner, asked):
            found[id(owner)] = owner
    return list(found.values())


def owner_of(variables: Sequence[Value]) -> Value | None:
    """The one object, other than a layer or model of Keras, whose methods made all of the variables."""
    owners = {
        id(value.frame.this): value.frame.this
        for value in variables
        if isinstance(value, Variable) and value.frame is not None
    }
    owner = next(iter(owners.values()), None)
    alone = len(owners) == 1 and all(isinstance(value, Variable) for value in variables)
    return owner if alone and isinstance(owner, Instance) and owner.role in (None, "module") else None


class Making(NamedTuple):
    """`self.attribute = …` in the `__init__` of the object that makes the network."""

    statement: ast.Assign
    attribute: str
    frame: Frame
    owner: Instance


def handed_in(program: Program, asked: Value, made: Value) -> Mending | None:
    """The object is given the asked network in the place of its own; None where the one cannot be said where the other
    is made, or is built in another way.
    """
    if not _built_alike(asked, made):
        return None
    found = making(program, made)
    if found is None or found.owner is asked:
        return None
    owner, attribute, function = found.owner, found.attribute, found.frame.function
    call, frame = owner.node, owner.frame
    if function is None or not isinstance(call, ast.Call) or frame is None or not _made_once(program, owner):
        return None
    name = _said_before(program, frame, asked, call)
    written = function.node
    if name is None or isinstance(written, ast.Lambda) or not written.args.args or written.args.posonlyargs:
        return None
    taken = {each.arg for each in named(written.args)}
    taken |= {each.id for each in ast.walk(written) if isinstance(each, ast.Name)}
    if attribute in taken:
        return None
    path = found.frame.path
    source, here = program.files[path], program.files[frame.path]
    first = source.span(written.args.args[0]).end
    given = [*call.args, *(each.value for each in call.keywords)]
    bracket = here.span(call.func).end
    if not here.segment(Span(bracket, here.span(call).end)).startswith("("):
        return None
    opened = Position(bracket.line, bracket.column + 1)
    edits = [
        Edit(path, Span(first, first), f", {attribute}"),
        Edit(path, source.span(found.statement.value), attribute),
        Edit(frame.path, Span(opened, opened), f"{name}, " if given else name),
    ]
    maker = found.statement.value
    if isinstance(maker, ast.Call) and isinstance(maker.func, ast.Name):
        from regrad.codemods.engine.imports import remove_import

        edits += remove_import(source, program.trees[path], maker.func.id, (found.statement.value,))
    title = f"hand `{name}` to `{owner.cls.name}`"
    return Mending(title, Safety.UNSAFE, tuple(edits), "the loss is computed by another network")


def _built_alike(one: Value, other: Value) -> bool:
    if isinstance(one, Instance) and isinstance(other, Instance):
        return one.cls is other.cls
    return isinstance(one, Network) and isinstance(other, Network) and one.node is other.node and one.node is not None


def making(program: Program, made: Value) -> Making | None:
    """Where an object that is no network itself makes the network while it is made."""
    node, frame = getattr(made, "node", None), getattr(made, "frame", None)
    while isinstance(node, ast.Call) and isinstance(frame, Frame):
        this, statement = frame.this, program.statement(node, frame.path)
        if frame.function is not None and frame.function.name == "__init__" and isinstance(this, Instance):
            target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
            if not isinstance(statement, ast.Assign) or statement.value is not node:
                return None
            own = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self"
            if not own or not isinstance(target, ast.Attribute) or this.fields.get(target.attr) is not made:
                return None
            return Making(statement, target.attr, frame, this)
        node, frame = frame.call, frame.caller
    return None


def _made_once(program: Program, owner: Instance) -> bool:
    """Whether the program makes one object of the class, in one place, and no class inherits from it."""
    name = owner.cls.name
    own = owner.cls.find("__init__")
    calls = [node for path in program.trees for node in program.nodes_of(path, ast.Call) if called(node) == name]
    bases = [
        base
        for path in program.trees
        for node in program.nodes_of(path, ast.ClassDef)
        for base in node.bases
        if name in (getattr(base, "id", ""), getattr(base, "attr", ""))
    ]
    return len(calls) == 1 and not bases and own is not None and own[1] is owner.cls


def _said_before(program: Program, frame: Frame, asked: Value, call: ast.Call) -> str | None:
    """What the place of a call can say the network by, where that is bound by then."""
    names = [name for name, value in frame.scope.names.items() if value is asked and name.isidentifier()]
    this = frame.this
    if isinstance(this, Instance):
        names += [f"self.{name}" for name, value in this.fields.items() if value is asked and name.isidentifier()]
    scope = frame.function.node if frame.function is not None else program.trees[frame.path]
    for name in names:
        lines = [node.lineno for node in _stores(scope, name)]
        given = not isinstance(scope, (ast.Module, ast.ClassDef)) and name in {each.arg for each in named(scope.args)}
        if (given and not lines) or (len(lines) == 1 and lines[0] < call.lineno and not given):
            return name
    return None


def _stores(scope: ast.AST, name: str) -> Iterator[ast.Name | ast.Attribute]:
    for node in ast.walk(scope):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            said = node.id if isinstance(node, ast.Name) else f"self.{node.attr}"
            if said == name:
                yield node
