"""What went into a variable is computed with directly: the expression, or a name for it beside the assignment."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NamedTuple

from regrad.analysis import flow, trainings
from regrad.analysis.assigning import ASSIGNING, SCATTERING, is_function, variable_of
from regrad.analysis.frames import Frame, place_in
from regrad.analysis.program import Program
from regrad.analysis.unreached import scope_of
from regrad.analysis.values import Variable
from regrad.codemods.engine.broken_paths import argument as call_argument
from regrad.codemods.engine.operations_of import tensors
from regrad.codemods.engine.outlived import outlived
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.scattered import new_content
from regrad.codemods.engine.surroundings import block_of


class Poured(NamedTuple):
    """An expression that went into a variable: by its constructor, or by `assign`."""

    node: ast.AST
    frame: Frame
    variable: Variable
    made: bool
    eager: bool = False
    """Whether it runs where it stands, even if it is a function of TensorFlow 1."""
    recorded: ast.AST | None = None
    """The `with` statement of the tape, or the call that trains."""


def unwrapped(program: Program, evidence: Poured) -> Mending:
    """`tf.Variable(expression)` becomes the expression; `w = tf.Variable(f(w))` an update of `w`."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    call, path = evidence.node, evidence.frame.path
    if not isinstance(call, ast.Call) or not call.args or isinstance(call.args[0], ast.Starred):
        raise CannotMove("the place where the variable is made is not known")
    if evidence.variable.fields.get("#assigned"):
        raise CannotMove("the variable is assigned later on")
    if id(evidence.variable) in trainings.updated(program):
        raise CannotMove("the variable is trained itself")
    if any(keyword.arg not in ("name", "trainable") for keyword in call.keywords) or len(call.args) > 1:
        raise CannotMove("the variable has a dtype or a shape of its own")
    value = call.args[0]
    rewrite = Rewrite(program.files[path], program.trees[path])
    again = _made_anew(program, call, path)
    if again is not None:
        # Computed with the expression alone, the next pass would start from a tensor that no tape watches.
        rewrite.replace(again, f"{program.source(again.targets[0], path)}.assign({program.source(value, path)})")
        reason = "whatever else holds the variable sees its new value"
        return Mending("update the variable in place", Safety.UNSAFE, rewrite.edits(), reason)
    if isinstance(value, (ast.List, ast.Tuple, ast.ListComp)):
        function = program.source(call.func, path)
        if not function.endswith(".Variable"):
            raise CannotMove("how `stack` is called here is not known")
        for node in ast.walk(value):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "float"
                and len(node.args) == 1
            ):
                rewrite.replace(node, program.source(node.args[0], path))
        rewrite.replace(call.func, function[: -len("Variable")] + "stack")
    else:
        rewrite.replace(call, program.source(value, path))
    return Mending("compute with the expression itself", Safety.SAFE, rewrite.edits())


def _made_anew(program: Program, call: ast.Call, path: str) -> ast.Assign | None:
    """The statement that binds a variable to one made of what was bound there: `angle = tf.Variable(wrap(angle))`."""
    statement = program.statement(call, path)
    if not isinstance(statement, ast.Assign) or statement.value is not call or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    if not isinstance(target, (ast.Name, ast.Attribute)):
        return None
    text = ast.unparse(target)
    reads = any(isinstance(each, type(target)) and ast.unparse(each) == text for each in ast.walk(call))
    return statement if reads else None


def threaded(program: Program, evidence: Poured) -> Mending:
    """What is assigned gets a name, and what follows reads the name."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite

    call, path = evidence.node, evidence.frame.path
    statement = program.statement(call, path)
    if (
        not isinstance(call, ast.Call)
        or not isinstance(call.func, ast.Attribute)
        or not isinstance(statement, ast.Expr)
        or statement.value is not call
        or not (call.args or call.keywords)
    ):
        raise CannotMove("the assignment is part of another expression")
    scope = scope_of(program, evidence.frame)
    held_by = variable_of(call)
    if held_by is None:
        raise CannotMove("the assignment is part of another expression")
    receiver = program.source(held_by, path)
    parents = program.parents(path)
    block = parents.get(statement)
    uses = [node for node in uses_of(program, call, evidence.frame) if _counts(program, evidence, node, block)]
    earlier = [node for node in reads_of(program, scope, receiver, path) if node.lineno < statement.lineno]
    if loop_around(program, statement, evidence, scope) is not None and not _refreshed(parents, statement, earlier):
        raise CannotMove("the variable carries its content from one pass of the loop to the next")
    begins_anew = bool(earlier) and _begins_anew(parents, earlier)
    builds_on = call.func.attr != "assign" or bool(reads_of(program, call, receiver, path)[1:])
    if builds_on and not begins_anew and called_again(program, evidence):
        raise CannotMove("the variable carries its content from one call to the next")
    if any(not _within(parents, node, block) for node in uses):
        raise CannotMove("the variable is read where the assignment may not have happened")
    if not uses or read_in_other_functions(program, evidence, receiver):
        raise CannotMove("the variable is read in another function")
    rewrite = Rewrite(program.files[path], program.trees[path])
    before = _before(program, evidence, statement)
    plain = call.func.attr == "assign" and not before and len(call.args) == 1 and isinstance(call.args[0], ast.Name)
    name = program.source(call.args[0], path) if plain else free_name(scope, receiver)
    held = receiver
    gone = (*uses, *reads_of(program, statement, receiver, path))
    whole = not before and call.func.attr == "assign"
    maker = outlived(program, evidence.variable, held_by, path, gone) if whole else None
    if maker is not None:
        rewrite.remove([maker], keep_comments=True)
    for each in (*before, statement):
        assert isinstance(each.value, ast.Call)
        last = f"\n{receiver}.assign({name})" if each is statement and maker is None else ""
        if plain and maker is not None:
            rewrite.remove([statement], keep_comments=True)
        if not plain:
            text, emptied = _new_content(program, each.value, path, held)
            rewrite.replace(each, f"{name} = {text}{last}")
            if emptied is not None:
                rewrite.remove([emptied], keep_comments=True)
        held = name
        for node in uses_of(program, each.value, evidence.frame):
            if _counts(program, evidence, node, block):
                rewrite.replace(spelled_read(parents, node), name)
    title = "compute with what was assigned"
    if maker is not None:
        return Mending(title, Safety.UNSAFE, rewrite.edits(), f"`{receiver}`, which nothing else reads, is gone")
    return Mending(title, Safety.SAFE, rewrite.edits())


def read_in_other_functions(program: Program, evidence: Poured, receiver: str) -> bool:
    """Whether something that is trained computes with the variable elsewhere, where the new name does not reach.

    A function that is handed the variable from here, by name, is handed the new value as well.
    """
    frame = evidence.frame
    here = scope_of(program, frame)
    for tensor in tensors(program):
        operation = tensor.operation
        if operation.frame is None or not any(value is evidence.variable for value in operation.inputs):
            continue
        if scope_of(program, operation.frame) is here:
            continue
        handed = place_in(operation.frame, operation.node, frame)
        if handed is None or not reads_of(program, handed, receiver, frame.path):
            return True
    return False


def _before(program: Program, evidence: Poured, statement: ast.Expr) -> list[ast.Expr]:
    """The assignments before this one, in the same block, that something trained went into and that it builds on."""
    path, call = evidence.frame.path, statement.value
    assert isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    held_by = variable_of(call)
    receiver, found = program.source(held_by, path) if held_by is not None else "", list[ast.Expr]()
    values = {id(node): value for value, node, _ in flow.assigned_values(evidence.variable)}
    block = block_of(program, statement, path)
    while call.func.attr != "assign":
        earlier = [each for each in block[: block.index(statement)] if _names(program, each, receiver, path)]
        before = earlier[-1] if earlier else None
        if not isinstance(before, ast.Expr) or not isinstance(before.value, ast.Call):
            break
        call = before.value
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in ASSIGNING or id(call) not in values:
            break
        reach = flow.Flow(None).reach(values[id(call)])
        if not reach.sources and not reach.anything:
            break
        found.insert(0, before)
        statement = before
    return found


def _names(program: Program, statement: ast.stmt, receiver: str, path: str) -> bool:
    """Whether a statement assigns to the variable."""
    parents = program.parents(path)
    return any(is_receiver(parents, node) for node in reads_of(program, statement, receiver, path))


def _new_content(program: Program, call: ast.Call, path: str, held: str) -> tuple[str, ast.stmt | None]:
    """What the variable holds after the assignment, and a statement before it that is not needed then."""
    from regrad.codemods.engine.moving import CannotMove

    assert isinstance(call.func, ast.Attribute)
    if call.func.attr in SCATTERING:
        return new_content(program, call, path, held)
    argument = call_argument(call, int(is_function(call)), "value", "delta")
    if argument is None:
        raise CannotMove("what is assigned is not written out")
    text = program.source(argument, path)
    sign = {"assign_add": "+", "assign_sub": "-"}.get(call.func.attr)
    if sign is not None:
        plain = isinstance(argument, (ast.Name, ast.Attribute, ast.Call, ast.BinOp)) and not loose(argument)
        text = f"{held} {sign} {text if plain else f'({text})'}"
    return text, None


def reads_of(program: Program, scope: ast.AST, receiver: str, path: str) -> list[ast.Name | ast.Attribute]:
    return [
        node
        for node in ast.walk(scope)
        if isinstance(node, (ast.Name, ast.Attribute))
        and isinstance(node.ctx, ast.Load)
        and program.source(node, path) == receiver
    ]


def uses_of(program: Program, call: ast.Call, frame: Frame) -> list[ast.Name | ast.Attribute]:
    """Where the same function reads the variable after this assignment, up to the next one, which has its own turn."""
    path = frame.path
    statement = program.statement(call, path)
    held_by = variable_of(call)
    if held_by is None or statement is None:
        return []
    parents = program.parents(path)
    end = statement.end_lineno or statement.lineno
    later = [
        node
        for node in reads_of(program, scope_of(program, frame), program.source(held_by, path), path)
        if node.lineno > end
    ]
    limit = min((node.lineno for node in later if is_receiver(parents, node)), default=None)
    return [node for node in later if (limit is None or node.lineno <= limit) and not is_receiver(parents, node)]


def loose(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))


def is_receiver(parents: Mapping[ast.AST, ast.AST], node: ast.AST) -> bool:
    parent = parents.get(node)
    call = parents.get(parent) if isinstance(parent, ast.Attribute) else parent
    return isinstance(call, ast.Call) and _assigns(call) and variable_of(call) is node


def _assigns(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in ASSIGNING


def loop_around(program: Program, statement: ast.stmt, evidence: Poured, scope: ast.AST) -> ast.For | ast.While | None:
    """The outermost loop that goes round within the function and within what the tape records."""
    parents = program.parents(evidence.frame.path)
    found: ast.For | ast.While | None = None
    current = parents.get(statement)
    while current is not None and current is not scope and current is not evidence.recorded:
        if isinstance(current, (ast.For, ast.While)):
            found = current
        current = parents.get(current)
    return found


def _counts(program: Program, evidence: Poured, node: ast.AST, block: ast.AST | None) -> bool:
    """Whether a place must read the new name for the gradient to pass, or may as well."""
    return _within(program.parents(evidence.frame.path), node, block) or not beyond_tape(program, evidence, node)


def beyond_tape(program: Program, evidence: Poured, node: ast.AST) -> bool:
    """Whether a place stands outside of what the tape records, while the assignment stands inside: there the variable
    itself is as good.
    """
    recorded, parents = evidence.recorded, program.parents(evidence.frame.path)
    if not isinstance(recorded, (ast.With, ast.AsyncWith)) or not _within(parents, evidence.node, recorded):
        return False
    return not _within(parents, node, recorded)


def called_again(program: Program, evidence: Poured) -> bool:
    """Whether a loop within what the tape records calls the function, so that one call leaves content to the next."""
    frame = evidence.frame
    while frame.caller is not None and frame.call is not None:
        parents = program.parents(frame.caller.path)
        current: ast.AST | None = frame.call
        while current is not None and not isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if current is evidence.recorded:
                return False
            if isinstance(current, (ast.For, ast.While, ast.ListComp, ast.GeneratorExp)):
                return True
            current = parents.get(current)
        frame = frame.caller
    return False


def spelled_read(parents: Mapping[ast.AST, ast.AST], node: ast.Name | ast.Attribute) -> ast.expr:
    """The whole of `variable.read_value()` or `variable.value`, for which a tensor has no such name."""
    parent = parents.get(node)
    if isinstance(parent, ast.Attribute) and parent.attr in ("read_value", "value"):
        outer = parents.get(parent)
        return outer if isinstance(outer, ast.Call) and outer.func is parent else parent
    return node


def _refreshed(
    parents: Mapping[ast.AST, ast.AST], statement: ast.stmt, earlier: list[ast.Name | ast.Attribute]
) -> bool:
    """Whether each pass of the loop starts by giving the variable a new content, so that none is carried over."""
    if not earlier:
        return True
    loop: ast.AST | None = parents.get(statement)
    while loop is not None and not isinstance(loop, (ast.For, ast.While)):
        loop = parents.get(loop)
    inside = [node for node in earlier if loop is not None and node.lineno > loop.lineno]
    if not inside:
        return True
    return _begins_anew(parents, inside)


def _begins_anew(parents: Mapping[ast.AST, ast.AST], reads: list[ast.Name | ast.Attribute]) -> bool:
    """Whether the first of these places gives the variable a new content."""
    parent = parents.get(min(reads, key=lambda node: (node.lineno, node.col_offset)))
    return isinstance(parent, ast.Attribute) and parent.attr == "assign"


def _within(parents: Mapping[ast.AST, ast.AST], node: ast.AST, block: ast.AST | None) -> bool:
    """Whether a place lies in the block (at any depth), and not in a function defined there."""
    current = parents.get(node)
    while current is not None:
        if current is block:
            return True
        if isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return False
        current = parents.get(current)
    return False


def free_name(scope: ast.AST, receiver: str) -> str:
    last = receiver.rpartition(".")[2]
    taken = {node.id for node in ast.walk(scope) if isinstance(node, ast.Name)} | {
        node.arg for node in ast.walk(scope) if isinstance(node, ast.arg)
    }
    for name in (last, f"new_{last}", f"{last}_now"):
        if name.isidentifier() and name not in taken:
            return name
    return f"assigned_{last}"
