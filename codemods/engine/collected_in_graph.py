"""Elements that a graph assigns to a variable one by one, before it reads the whole: collected and stacked instead."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.assigning import is_function
from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.codemods.engine.collected import number_of
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.poured import Poured
from regrad.codemods.engine.rule import Edit, Mending, Safety
from regrad.codemods.engine.surroundings import owners

_ELSEWHERE = "what else is done with the variable is not certain"


class _Append(NamedTuple):
    """`updates.append(tf.assign(variable[place], value))`."""

    call: ast.Call
    holder: str
    name: ast.Name
    place: ast.expr
    value: ast.expr


class _Read(NamedTuple):
    """`with tf.control_dependencies(updates): whole = tf.identity(variable)`."""

    statement: ast.With
    name: ast.Name
    holder: ast.Name
    whole: ast.Name


def stacked(program: Program, evidence: Poured) -> Mending:
    """The list of assignments becomes one of values, and what reads the variable behind them stacks it.

    CannotMove where the assignments are not seen to fill the whole variable, or it is used in another way.
    """
    from regrad.codemods.engine.moving import Rewrite

    path = evidence.frame.path
    loop = next((each for each in owners(program, evidence.node, path) if isinstance(each, ast.For)), None)
    made = program.statement(evidence.variable.node, path) if evidence.variable.node is not None else None
    if loop is None or not isinstance(made, ast.Assign) or made.value is not evidence.variable.node:
        raise CannotMove("the elements are not assigned in a loop")
    appends = [found for each in loop.body if (found := _append(each)) is not None]
    names = {(each.name.id, each.holder) for each in appends}
    if len(names) != 1 or not _fill(evidence, loop, appends):
        raise CannotMove("whether every element of the variable is assigned is not known")
    ((variable, holder),) = names
    behind = (_read(each) for each in program.nodes_of(path, ast.With))
    reads = [each for each in behind if each is not None and each.name.id == variable]
    if len(reads) != 1 or reads[0].holder.id != holder or len(program.trees) > 1:
        raise CannotMove(_ELSEWHERE)
    read = reads[0]
    known = {id(each.name) for each in appends} | {id(read.name), *map(id, made.targets)}
    begun = [
        each
        for each in program.nodes_of(path, ast.Assign)
        if isinstance(each.value, ast.List) and not each.value.elts and _is(each.targets[0], holder)
    ]
    mentions = [each for each in program.nodes_of(path, ast.Name) if each.id == variable]
    # The list is begun, handed to the control dependencies, and filled.
    held = [each for each in program.nodes_of(path, ast.Name) if each.id == holder]
    if any(id(each) not in known for each in mentions) or len(begun) != 1 or len(held) != len(appends) + 2:
        raise CannotMove(_ELSEWHERE)
    source = program.files[path]
    span = source.span(read.statement)
    if "#" in source.segment(span):
        raise CannotMove("a comment stands where the variable is read")
    maker = program.source(evidence.variable.node, path) if evidence.variable.node is not None else ""
    space = maker.partition(".Variable(")[0]
    if not space.isidentifier():
        raise CannotMove("how `stack` is called here is not known")
    rewrite = Rewrite(source, program.trees[path])
    rewrite.remove([made], keep_comments=True)
    for each in appends:
        rewrite.replace(each.call, program.source(each.value, path))
    text = f"{read.whole.id} = {space}.stack({holder})"
    edits = (*rewrite.edits(), Edit(path, span, text))
    reason = "the variable goes, as nothing else reads it"
    return Mending("collect the elements and stack them", Safety.UNSAFE, edits, reason)


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _append(statement: ast.stmt) -> _Append | None:
    outer = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(outer, ast.Call) or called(outer) != "append" or len(outer.args) != 1:
        return None
    call, holder = outer.args[0], outer.func.value if isinstance(outer.func, ast.Attribute) else None
    if not isinstance(call, ast.Call) or called(call) != "assign" or call.keywords or not isinstance(holder, ast.Name):
        return None
    by_name = is_function(call)
    part = call.args[0] if by_name else call.func.value if isinstance(call.func, ast.Attribute) else None
    if len(call.args) != 1 + by_name or not isinstance(part, ast.Subscript) or not isinstance(part.value, ast.Name):
        return None
    return _Append(call, holder.id, part.value, part.slice, call.args[-1])


def _read(statement: ast.With) -> _Read | None:
    first = statement.items[0].context_expr
    inner = statement.body[0]
    if len(statement.items) != 1 or len(statement.body) != 1 or not isinstance(inner, ast.Assign):
        return None
    if not isinstance(first, ast.Call) or called(first) != "control_dependencies" or len(first.args) != 1:
        return None
    value, target, holder = inner.value, inner.targets[0], first.args[0]
    if not isinstance(value, ast.Call) or called(value) != "identity" or len(value.args) != 1 or value.keywords:
        return None
    name = value.args[0]
    if not isinstance(name, ast.Name) or not isinstance(target, ast.Name) or not isinstance(holder, ast.Name):
        return None
    return _Read(statement, name, holder, target) if len(inner.targets) == 1 else None


def _fill(evidence: Poured, loop: ast.For, appends: list[_Append]) -> bool:
    """Whether the places are those from the first to the last, in turn."""
    over, target = loop.iter, loop.target
    shape = evidence.variable.fields.get("shape")
    if not isinstance(target, ast.Name) or not isinstance(over, ast.Call) or called(over) != "range":
        return False
    if any(isinstance(node, (ast.Break, ast.Continue, ast.Return)) for node in ast.walk(loop)) or len(over.args) != 1:
        return False
    times = number_of(over.args[0], evidence.frame)
    if not isinstance(times, int) or not shape or shape[0] != times * len(appends):
        return False
    wanted = [(len(appends), place) for place in range(len(appends))]
    return [_line(each.place, target.id) for each in appends] == wanted


def _line(node: ast.expr, name: str) -> tuple[int, int] | None:
    """The factor and the offset of a place that is counted by the loop: `2 * i + 1`."""
    if _is(node, name):
        return 1, 0
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return 0, node.value
    if not isinstance(node, ast.BinOp):
        return None
    one, other = _line(node.left, name), _line(node.right, name)
    if one is None or other is None:
        return None
    if isinstance(node.op, ast.Add):
        return one[0] + other[0], one[1] + other[1]
    if isinstance(node.op, ast.Mult) and 0 in (one[0], other[0]):
        factor, line = (one[1], other) if one[0] == 0 else (other[1], one)
        return factor * line[0], factor * line[1]
    return None
