"""The output of a layer that is overwritten before anything reads it, or that nothing reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import unreached
from regrad.analysis.callee import called
from regrad.analysis.cut import CutKind
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Value
from regrad.analysis.weights import describe
from regrad.codemods.engine.overwritten_in_loop import Turns, overwriting_loop
from regrad.codemods.engine.residual import keeps, residual_sum
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Safety, Withheld


class Overwritten(NamedTuple):
    """Statements in a row that bind one name, each from the same input instead of from the one before."""

    chain: tuple[ast.Assign, ...]
    path: str


class Unread(NamedTuple):
    """A name is bound to what a layer gives, and nothing reads it."""

    statement: ast.Assign
    name: str
    frame: Frame


def overwritten(program: Program, code: str, name: str) -> Iterator[Finding]:
    for case in unreached.partly(program):
        event = case.sink.event
        related = (Related(program.location(event.node, event.frame), "the training that misses it"),)
        chains: dict[ast.stmt, tuple[tuple[ast.Assign, ...], Frame, list[Value]]] = {}
        loops: dict[ast.stmt, tuple[Turns, list[Value]]] = {}
        for part in case.parts:
            place = unreached.written(part)
            if place is None:
                continue
            chain = overwriting(program, place)
            if chain is not None:
                chains.setdefault(chain[0], (chain, place.frame, []))[2].append(part)
                continue
            turns = overwriting_loop(program, place)
            if turns is not None:
                loops.setdefault(turns.loop, (turns, []))[1].append(part)
                continue
            dead = unread(program, place)
            if dead is not None:
                yield Finding(
                    code,
                    name,
                    f"`{dead.name}` is computed and never read, so `{describe(part)}` gets no gradient",
                    program.location(dead.statement, dead.frame),
                    CutKind.NEVER_USED,
                    (describe(part),),
                    related,
                    dead,
                )
        for chain, frame, parts in chains.values():
            names = tuple(dict.fromkeys(describe(part) for part in parts))
            yield Finding(
                code,
                name,
                f"the output of {_listed(names)} is overwritten before anything reads it",
                program.location(chain[0], frame),
                CutKind.NEVER_USED,
                names,
                related,
                Overwritten(chain, frame.path),
            )
        for turns, parts in loops.values():
            names = tuple(dict.fromkeys(describe(part) for part in parts))
            yield Finding(
                code,
                name,
                f"`{turns.name}` is bound anew in each turn of this loop and read after it: only the last turn counts,"
                f" and {_listed(names)} of the turns before gets no gradient",
                program.location(program.statement(turns.given, turns.frame.path) or turns.given, turns.frame),
                CutKind.NEVER_USED,
                names,
                related,
                turns,
            )


def overwriting(program: Program, place: unreached.Written) -> tuple[ast.Assign, ...] | None:
    """The statements in a row, this call's among them, that bind the same name without reading it."""
    path = place.frame.path
    statement = program.statement(place.call, path)
    if not _binds_call(statement, place.call):
        return None
    assert isinstance(statement, ast.Assign)
    block = _block(program, path, statement)
    index = block.index(statement)
    first = last = index
    while first > 0 and _pair(block[first - 1], block[first]):
        first -= 1
    while last + 1 < len(block) and _pair(block[last], block[last + 1]):
        last += 1
    if last == index:
        # This one is read; only those before it are lost.
        return None
    return tuple(each for each in block[first : last + 1] if isinstance(each, ast.Assign))


def unread(program: Program, place: unreached.Written) -> Unread | None:
    """The statement that binds what was computed with this call to a name which its function never reads."""
    function = place.frame.function
    if function is None:
        return None
    path = place.frame.path
    statement = program.statement(place.call, path)
    if (
        not isinstance(statement, ast.Assign)
        or len(statement.targets) != 1
        or not isinstance(statement.targets[0], ast.Name)
    ):
        return None
    name = statement.targets[0].id
    if name.startswith("_") or name == "unused":
        return None
    if all(node is not statement for node in ast.walk(function.node)):
        return None  # a model is made elsewhere, and its layers are called for the first time here
    for node in ast.walk(function.node):
        if isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names:
            return None
        if isinstance(node, ast.Name):
            if node.id == name and not isinstance(node.ctx, ast.Store):
                return None
            if node.id in ("locals", "vars", "eval", "exec"):
                return None
    return Unread(statement, name, place.frame)


def _block(program: Program, path: str, statement: ast.stmt) -> list[ast.stmt]:
    parent = program.parents(path).get(statement)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and statement in block:
            return block
    return [statement]


def _binds_call(statement: ast.stmt | None, call: ast.AST | None = None) -> bool:
    return (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
        and isinstance(statement.value, ast.Call)
        and (call is None or statement.value is call)
        and bool(statement.value.args)
    )


def _pair(one: ast.stmt, other: ast.stmt) -> bool:
    """Whether both bind the same name to a call on the same input, the second without reading what the first bound."""
    if not _binds_call(one) or not _binds_call(other):
        return False
    assert isinstance(one, ast.Assign) and isinstance(other, ast.Assign)
    assert isinstance(one.value, ast.Call) and isinstance(other.value, ast.Call)
    name = one.targets[0].id  # type: ignore[attr-defined]
    if name != other.targets[0].id:  # type: ignore[attr-defined]
        return False
    if any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(other.value)):
        return False
    return ast.dump(one.value.args[0]) == ast.dump(other.value.args[0])


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def chained(program: Program, evidence: Overwritten) -> Mending:
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
    for statement in evidence.chain[1:]:
        target = statement.targets[0]
        if not isinstance(statement.value, ast.Call) or not isinstance(target, ast.Name):
            raise CannotMove("the layers are not called one after the other")
        rewrite.replace(statement.value.args[0], target.id)
    return Mending(
        "give each layer the output of the one before",
        Safety.UNSAFE,
        rewrite.edits(),
        "the model computes another function",
    )


_WITHOUT_VALUES = frozenset({"shape", "size", "rank", "len", "range", "zeros_like", "ones_like"})
"""Calls that ask how large their argument is, and not what it holds."""


def read_instead(program: Program, evidence: Unread) -> Mendings:
    """What follows reads the new value in the place of the one that it was made of, where it reads that once."""
    from regrad.codemods.engine.moving import Rewrite

    statement, name, path = evidence.statement, evidence.name, evidence.frame.path
    advice = f"use `{name}` on the way to the output, or take it out with its layer"
    assert evidence.frame.function is not None
    function = evidence.frame.function.node
    parents = program.parents(path)
    block = _block(program, path, statement)
    made_of = {
        node.id
        for node in ast.walk(statement.value)
        if isinstance(node, ast.Name) and evidence.frame.scope.names.get(node.id) is not None
    } - {"self"}
    made_of -= {
        node.id
        for call in ast.walk(statement.value)
        if isinstance(call, ast.Call) and called(call) in _WITHOUT_VALUES
        for node in ast.walk(call)
        if isinstance(node, ast.Name)
    }
    later = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id in made_of and node.lineno > (statement.end_lineno or 0)
    ]
    if len(later) != 1 or not isinstance(later[0].ctx, ast.Load):
        return Withheld("where it was to be used is not certain", advice)
    current: ast.AST | None = later[0]
    while current is not None and current not in block:
        if isinstance(current, (ast.stmt, ast.Lambda, ast.ListComp, ast.GeneratorExp)):
            return Withheld("where it was to be used is not certain", advice)
        current = parents.get(current)
    if current is None:
        return Withheld("where it was to be used is not certain", advice)
    skip = None if keeps(statement.value, later[0].id) else residual_sum(function, parents, statement)
    if skip is not None:
        return Withheld(
            f"line {skip.lineno} adds a value to what was made of it, so whether `{name}` takes the place of"
            f" `{later[0].id}` or stands beside it is the author's to say",
            advice,
        )
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(later[0], name)
    return [
        Mending(f"go on with `{name}`", Safety.UNSAFE, rewrite.edits(), "the model computes another function"),
    ]
