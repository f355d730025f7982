"""`w = w - step` written as an update of the variable in place, where nobody else holds the old value.

One piece for what reading finds and for what a run shows. Who holds the old value gets a copy of it where it is taken
over; where the variable itself came from the other holder, nothing is offered.
"""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.codemods.engine.effects import path_of
from regrad.codemods.engine.held_reads import as_variables
from regrad.codemods.engine.holding import Conflict, Target
from regrad.codemods.engine.imports import spelled
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Mending, Safety, Withheld
from regrad.codemods.engine.same_object import KEEPING, own_nodes
from regrad.codemods.engine.second_holders import conflicts, target_of
from regrad.codemods.engine.surroundings import owners

_METHODS: dict[type[ast.operator], str] = {ast.Sub: "assign_sub", ast.Add: "assign_add"}
_SYMBOLS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
}
_OF_THE_SAME_SHAPE = frozenset(
    "clip_by_value clip_by_norm maximum minimum relu abs sqrt exp softmax l2_normalize where tanh sigmoid round".split()
)
_INSTEAD = "w.assign_sub(...)"
_COPIED = "w_old = tf.identity(w)  # a copy, for what reads the old value\nw.assign_sub(...)"
_OWN = "w = tf.Variable(w)  # a variable of its own, before the steps\nw.assign_sub(...)"


def updated(program: Program, statement: ast.stmt, path: str) -> Mending | Withheld:
    """The update in place of `w = w - …` or `w -= …`."""
    from regrad.codemods.engine.moving import Rewrite

    target = _assigned(statement)
    if target is None or _read_in(program, statement, target, path) is None:
        return Withheld("the new value is not written as `w = w - ...`", _INSTEAD)
    place = target_of(program, target, path)
    if place is None:
        return Withheld("which variable is updated here is not certain", _INSTEAD)
    updates, found = _with_companions(program, place, statement)
    copied: dict[str, set[ast.expr]] = {}
    for each in found:
        if each.reason:
            return Withheld(f"`{each.holder}` may be {each.reason} when it is updated", "w.assign(...)")
        if None in each.by or not all(_can_be_copied(program, place, node, each) for node in each.by):
            return _refused(program, each)
        for node in each.by:
            if node is not None:
                copied.setdefault(each.path, set()).add(node)
    try:
        rewrites = {path: Rewrite(program.files[path], program.trees[path])}
        for update in updates:
            rewrites[path].replace(update, _text(program, update, path))
        for other, nodes in copied.items():
            rewrite = rewrites.setdefault(other, Rewrite(program.files[other], program.trees[other]))
            copy = spelled(program.trees[other], "tensorflow.identity")
            if copy is None:
                return Withheld("another name holds the old value, and TensorFlow is not imported here", _COPIED)
            for node in sorted(nodes, key=lambda each: (each.lineno, each.col_offset)):
                rewrite.replace(node, f"{copy}({program.source(node, other)})")
        edits = tuple(edit for rewrite in rewrites.values() for edit in rewrite.edits())
    except CannotMove as problem:
        return Withheld(problem.reason, _INSTEAD)
    title = "update the variable in place"
    return Mending(f"{title}, and keep copies of its old values" if copied else title, Safety.SAFE, edits)


def updated_item(program: Program, statement: ast.stmt, path: str) -> Mending | None:
    """The update in place of an item that an attribute holds, where the optimizer is handed the tensor today: as that
    fails, nothing but what runs before the first step can have read the old value.
    """
    from regrad.codemods.engine.moving import Rewrite

    target = _assigned(statement)
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Attribute):
        return None
    if not isinstance(statement, ast.Assign) or _read_in(program, statement, target, path) is None:
        return None
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(statement, _text(program, statement, path))
    reason = "what else holds the variables sees their new values, too"
    return Mending("update the variable in place", Safety.UNSAFE, rewrite.edits(), reason)


def _with_companions(program: Program, place: Target, statement: ast.stmt) -> tuple[list[ast.stmt], list[Conflict]]:
    """The statements to be written as updates, this one and those that would make a tensor of the variable between two
    of its updates, and what stands against it.
    """
    updates = [statement]
    found = conflicts(program, place, updates)
    if any(each.reason for each in found):
        updates += [each for each in _others(program, place) if each is not statement]
        found = conflicts(program, place, updates)
    return updates, found


def _others(program: Program, place: Target) -> list[ast.stmt]:
    """The other statements that bind the target to what is computed from it, in loops of the same scope."""
    found: list[ast.stmt] = []
    for node in own_nodes(place.scope):
        target = _assigned(node) if isinstance(node, (ast.Assign, ast.AugAssign)) else None
        if target is None or not isinstance(node, ast.stmt) or path_of(target) != place.name:
            continue
        value = _read_in(program, node, target, place.path)
        looped = _looped(program, node, place.path)
        shaped = isinstance(value, ast.BinOp) or (isinstance(value, ast.Call) and called(value) in _OF_THE_SAME_SHAPE)
        if looped and (isinstance(node, ast.AugAssign) or shaped):
            found.append(node)
    return found


def _assigned(statement: ast.AST) -> ast.expr | None:
    if isinstance(statement, ast.AugAssign):
        return statement.target
    one = isinstance(statement, ast.Assign) and len(statement.targets) == 1
    target = statement.targets[0] if isinstance(statement, ast.Assign) and one else None
    return target if isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)) else None


def _read_in(program: Program, statement: ast.AST, target: ast.expr, path: str) -> ast.expr | None:
    """The value, where it is computed from what it replaces."""
    if isinstance(statement, ast.AugAssign):
        return statement.value
    if not isinstance(statement, ast.Assign):
        return None
    name = program.source(target, path)
    kinds = (ast.Name, ast.Attribute, ast.Subscript)
    reads = any(isinstance(node, kinds) and program.source(node, path) == name for node in ast.walk(statement.value))
    return statement.value if reads else None


def _text(program: Program, statement: ast.stmt, path: str) -> str:
    assert isinstance(statement, (ast.Assign, ast.AugAssign))
    target = _assigned(statement)
    assert target is not None
    name, value = program.source(target, path), statement.value
    if isinstance(statement, ast.AugAssign):
        method = _METHODS.get(type(statement.op), "assign")
        text = program.source(value, path)
        if method == "assign":
            inner = text if isinstance(value, (ast.Name, ast.Constant, ast.Call, ast.Attribute)) else f"({text})"
            text = f"{name} {_SYMBOLS[type(statement.op)]} {inner}"
    elif isinstance(value, ast.BinOp) and type(value.op) in _METHODS and program.source(value.left, path) == name:
        method, text = _METHODS[type(value.op)], program.source(value.right, path)
    else:
        method, text = "assign", program.source(value, path)
    return f"{name}.{method}({text})"


def _can_be_copied(program: Program, place: Target, node: ast.expr | None, conflict: Conflict) -> bool:
    """Whether a copy of the variable in the place of this expression is what its author must have meant.

    A list of variables that is made once and never added to may be meant to have those that are trained.
    """
    if node is None or (place.kind == "element" and not isinstance(node, ast.Subscript)):
        return False
    holder = conflict.holder
    for path in program.trees:
        names: list[ast.Name | ast.Attribute] = [
            *program.nodes_of(path, ast.Name),
            *program.nodes_of(path, ast.Attribute),
        ]
        for each in names:
            if path_of(each) == holder and (as_variables(program, each, path) or _is_assigned(program, each, path)):
                return False
    path = conflict.path
    display = next(
        (each for each in owners(program, node, path) if not isinstance(each, (ast.Starred, ast.keyword))), None
    )
    if not isinstance(display, (ast.List, ast.Tuple, ast.Set, ast.Dict)) or _looped(program, display, path):
        return True
    statement = program.statement(display, path)
    if not isinstance(statement, ast.Assign) or statement.value is not display:
        return True
    if isinstance(statement.targets[0], (ast.Tuple, ast.List)):
        return True
    return any(
        path_of(each) == holder and _grows(program, each, other, statement)
        for other in program.trees
        for each in (*program.nodes_of(other, ast.Name), *program.nodes_of(other, ast.Attribute))
    )


def _looped(program: Program, node: ast.AST, path: str) -> bool:
    return any(isinstance(each, (ast.For, ast.While)) for each in owners(program, node, path))


def _is_assigned(program: Program, node: ast.expr, path: str) -> bool:
    """Whether a value is written into what stands there, as into a variable."""
    parent = program.parents(path).get(node)
    return isinstance(parent, ast.Attribute) and parent.attr.startswith(("assign", "scatter_"))


def _grows(program: Program, node: ast.expr, path: str, made: ast.stmt) -> bool:
    """Whether more is put there than what it was made of: in it, or in its place."""
    parent = program.parents(path).get(node)
    if not isinstance(getattr(node, "ctx", None), ast.Load):
        return program.statement(node, path) is not made
    return isinstance(parent, ast.Attribute) and parent.attr in KEEPING


def _refused(program: Program, conflict: Conflict) -> Withheld:
    taken = None in conflict.by
    if conflict.holder.startswith("?"):
        return Withheld("what else holds this variable, and reads its old value, is not certain", _COPIED)
    line = ""
    if conflict.read is not None:
        line = f" (line {program.location(conflict.read, conflict.path).span.start.line})"
    reason = f"`{conflict.holder}` holds the same variable, and is read when it has changed{line}"
    if conflict.holder == "the caller":
        reason = "the variable is its caller's, who may still want the old value"
    return Withheld(reason, _OWN if taken else _COPIED)
