"""State that a loop carries in a variable is carried in a tensor, and the variable keeps the last of it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from regrad.analysis import flow
from regrad.analysis.assigning import WHOLE, is_function, variable_of
from regrad.analysis.frames import place_in
from regrad.analysis.location import Span
from regrad.analysis.program import Program
from regrad.analysis.unreached import scope_of
from regrad.analysis.values import Tensor
from regrad.codemods.engine.effects import FUNCTIONS
from regrad.codemods.engine.imports import Spelling, spelling
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.moving import Rewrite, after, before
from regrad.codemods.engine.poured import (
    Poured,
    beyond_tape,
    called_again,
    free_name,
    is_receiver,
    loop_around,
    loose,
    read_in_other_functions,
    reads_of,
    spelled_read,
)
from regrad.codemods.engine.rule import Edit, Mending, Safety
from regrad.codemods.engine.surroundings import block_of, owners

_LEAVING = (ast.Return, ast.Try, ast.Yield, ast.YieldFrom, ast.Await, ast.Raise)
_PLAIN = (ast.Name, ast.Attribute, ast.Call, ast.BinOp)


class _Region(NamedTuple):
    """Where the tensor stands for the variable: from `first` of the block, over the loop, to its end."""

    block: Sequence[ast.stmt]
    loop: ast.For | ast.While
    opener: ast.Expr | None
    """The assignment before the loop with which the state begins."""

    @property
    def first(self) -> ast.stmt:
        return self.opener or self.loop


def carried(program: Program, evidence: Poured) -> Mending:
    """`state.assign(f(state))` in a loop becomes `now = f(now)`, begun before the loop and assigned after it."""
    call, path = evidence.node, evidence.frame.path
    statement = program.statement(call, path)
    held_by = variable_of(call) if isinstance(call, ast.Call) else None
    if held_by is None or statement is None or not isinstance(held_by, (ast.Name, ast.Attribute)):
        raise CannotMove("the assignment is part of another expression")
    receiver, scope = program.source(held_by, path), scope_of(program, evidence.frame)
    loop = loop_around(program, statement, evidence, scope)
    if loop is None:
        raise CannotMove("the assignment is in no loop")
    region = _region(program, evidence, loop, receiver)
    if region.opener is None and called_again(program, evidence):
        raise CannotMove("the variable carries its content from one call to the next")
    mentions = [node for node in reads_of(program, scope, receiver, path) if node.lineno >= region.first.lineno]
    inside = {id(node) for node in ast.walk(loop)}
    parents = program.parents(path)
    receivers = [node for node in mentions if is_receiver(parents, node)]
    end = loop.end_lineno or loop.lineno
    limit = min((node.lineno for node in receivers if node.lineno > end), default=None)
    opening = {id(node) for node in ast.walk(region.opener)} if region.opener is not None else set[int]()
    reads = [
        node
        for node in mentions
        if id(node) not in opening
        and not is_receiver(parents, node)
        and (limit is None or node.lineno <= limit)
        and not beyond_tape(program, evidence, node)
    ]
    _refuse(program, evidence, region, reads, receiver)
    name = free_name(scope, receiver)
    rewrite = Rewrite(program.files[path], program.trees[path])
    edits: list[Edit] = []
    if region.opener is None:
        begin = spelling(
            program.files[path],
            program.trees[path],
            ["tensorflow.convert_to_tensor", "keras.ops.convert_to_tensor"],
            loop,
        )
        rewrite.insert(f"{name} = {begin.text}({receiver})", before(loop))
        edits.extend(begin.edits)
    else:
        edits.extend(_bound(program, path, region.opener, name, _conversion(program, evidence, region, receiver)))
    for node in receivers:
        if id(node) in inside:
            made = program.statement(node, path)
            assert isinstance(made, ast.Expr)
            edits.extend(_bound(program, path, made, name))
    for node in reads:
        rewrite.replace(spelled_read(parents, node), name)
    rewrite.insert(f"{receiver}.assign({name})", after(loop))
    # Two places may ask for the same import.
    edits = list(dict.fromkeys((*edits, *rewrite.edits())))
    return Mending("carry the state in a tensor through the loop", Safety.SAFE, tuple(edits))


def _region(program: Program, evidence: Poured, loop: ast.For | ast.While, receiver: str) -> _Region:
    path, parents = evidence.frame.path, program.parents(evidence.frame.path)
    block = block_of(program, loop, path)
    opener: ast.Expr | None = None
    for earlier in reversed(block[: block.index(loop)]):
        found = [node for node in reads_of(program, earlier, receiver, path) if is_receiver(parents, node)]
        if found:
            call = earlier.value if isinstance(earlier, ast.Expr) else None
            whole = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "assign"
            if whole and isinstance(call, ast.Call) and _plain(call) and isinstance(earlier, ast.Expr):
                opener = earlier
            break
    return _Region(block, loop, opener)


def _plain(call: ast.Call) -> bool:
    """Whether it is `variable.assign…(what)` and nothing more."""
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr in WHOLE
        and not is_function(call)
        and len(call.args) == 1
        and not call.keywords
        and not isinstance(call.args[0], ast.Starred)
    )


def _refuse(
    program: Program,
    evidence: Poured,
    region: _Region,
    reads: Sequence[ast.Name | ast.Attribute],
    receiver: str,
) -> None:
    """Raises where the tensor would not be what the variable is, at one of the places that read it."""
    path, parents, loop = evidence.frame.path, program.parents(evidence.frame.path), region.loop
    if any(isinstance(node, _LEAVING) for node in ast.walk(loop)):
        raise CannotMove("the loop may be left before the variable is given its new content")
    for node in reads_of(program, loop, receiver, path):
        made = program.statement(node, path)
        if is_receiver(parents, node) and not (
            isinstance(made, ast.Expr) and isinstance(made.value, ast.Call) and _plain(made.value)
            and made.value.func is parents.get(node)
        ):  # fmt: skip
            raise CannotMove("the variable is changed in part, or within another expression")
    places = _reached(program, region, path)
    for node in reads:
        around = owners(program, node, path)
        inner = around[: next((at for at, each in enumerate(around) if id(each) in places), len(around))]
        if len(inner) == len(around):
            raise CannotMove("the variable is read where the loop may not have been")
        if any(isinstance(each, (*FUNCTIONS, ast.ClassDef)) for each in inner):
            raise CannotMove("a function that is defined here reads the variable")
    if not reads or read_in_other_functions(program, evidence, receiver):
        raise CannotMove("the variable is read in another function")
    own = {id(node) for node in ast.walk(scope_of(program, evidence.frame))}
    for _, call, frame in flow.assigned_values(evidence.variable):
        if call is None or frame is None or id(call) in own:
            continue
        place = place_in(frame, call, evidence.frame)
        if place is not None and getattr(place, "lineno", 0) >= region.first.lineno:
            raise CannotMove("another function changes the variable meanwhile")


def _reached(program: Program, region: _Region, path: str) -> set[int]:
    """The statements that run when the loop is over: those after it, and after each `with` that it stands in."""
    parents = program.parents(path)
    found = {id(each) for each in region.block[region.block.index(region.first) :]}
    around = parents.get(region.loop)
    while isinstance(around, ast.With) and "suppress" not in program.source(around.items[0].context_expr, path):
        block = block_of(program, around, path)
        found |= {id(each) for each in block[block.index(around) + 1 :]}
        around = parents.get(around)
    return found


def _conversion(program: Program, evidence: Poured, region: _Region, receiver: str) -> Spelling | None:
    """What makes a tensor of the first content, where that is a number or an array."""
    assert region.opener is not None
    path = evidence.frame.path
    for value, node, _ in flow.assigned_values(evidence.variable):
        if node is region.opener.value and isinstance(value, Tensor) and not value.numpy:
            return None
    names = ["tensorflow.convert_to_tensor", "keras.ops.convert_to_tensor"]
    return spelling(program.files[path], program.trees[path], names, region.opener)


def _bound(
    program: Program, path: str, statement: ast.Expr, name: str, conversion: Spelling | None = None
) -> list[Edit]:
    """`variable.assign(what)` becomes `name = what`; what stands between the parentheses is not touched."""
    call = statement.value
    assert isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    source, what = program.files[path], call.args[0]
    whole, inner, function = source.span(statement), source.span(what), source.span(call.func)
    rest = source.segment(Span(inner.end, whole.end))
    ahead = source.segment(Span(function.end, inner.start))
    if "#" in rest or "#" in ahead or not rest.endswith(")"):
        raise CannotMove("a comment stands among the arguments of the assignment")
    sign = {"assign_add": " + ", "assign_sub": " - "}.get(call.func.attr)
    start = f"{name} = " if sign is None else f"{name} = {name}{sign}"
    if conversion is not None:
        dtype = f"dtype={program.source(call.func.value, path)}.dtype"
        edits = [Edit(path, Span(whole.start, function.end), f"{start}{conversion.text}")]
        return [*edits, Edit(path, Span(inner.end, whole.end), f", {dtype})"), *conversion.edits]
    several = inner.start.line != whole.start.line or inner.end.line != inner.start.line
    bare = not several and ahead.strip() == "(" and (sign is None or (isinstance(what, _PLAIN) and not loose(what)))
    if bare and rest.replace(",", "").strip() == ")":
        return [Edit(path, Span(whole.start, inner.start), start), Edit(path, Span(inner.end, whole.end), "")]
    return [
        Edit(path, Span(whole.start, function.end), start),
        Edit(path, Span(inner.end, whole.end), rest.replace(",", "")),
    ]
