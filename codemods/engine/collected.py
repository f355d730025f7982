"""Rows that a loop assigns to a variable are collected and stacked, so that they keep where they came from."""

from __future__ import annotations

import ast

from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Constant
from regrad.codemods.engine.poured import Poured
from regrad.codemods.engine.rule import Mending, Safety

SUGGESTION = "parts = []\nparts.append(expression)  # in the place of the assignment\nwhole = tf.stack(parts)"


def assigns_a_part(evidence: Poured) -> bool:
    """Whether it is `variable[index].assign(...)`."""
    call = evidence.node
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Subscript)
    )


def collected(program: Program, evidence: Poured) -> Mending:
    """`rows[k].assign(row)` for every `k` becomes `rows.append(row)`, and what reads the variable afterwards stacks."""
    from regrad.codemods.engine.moving import CannotMove, Rewrite, before

    call, frame = evidence.node, evidence.frame
    path = frame.path
    parents = program.parents(path)
    statement = program.statement(call, path)
    loop = parents.get(statement) if statement is not None else None
    if (
        not isinstance(call, ast.Call)
        or not isinstance(call.func, ast.Attribute)
        or not isinstance(statement, ast.Expr)
    ):
        raise CannotMove("the assignment is part of another expression")
    part = call.func.value
    assert isinstance(part, ast.Subscript)
    if call.func.attr != "assign" or not isinstance(part.value, ast.Name) or len(call.args) != 1 or call.keywords:
        raise CannotMove("only a part of the variable is assigned")
    if not isinstance(loop, ast.For) or not _every_row(evidence, loop, part, frame):
        raise CannotMove(
            "only a part of the variable is assigned, and whether the loop comes to every part is not known"
        )
    name, maker = part.value.id, evidence.variable.node
    function = program.source(maker.func, path) if isinstance(maker, ast.Call) and maker in parents else ""
    if not function.endswith(".Variable"):
        raise CannotMove("how `stack` is called here is not known")
    scope: ast.AST = frame.function.node if frame.function is not None else program.trees[path]
    mentions = [node for node in program.nodes_of(path, ast.Name) if node.id == name]
    reads = [node for node in mentions if isinstance(node.ctx, ast.Load) and node is not part.value]
    own = set(map(id, ast.walk(scope)))
    inside = set(map(id, ast.walk(loop)))
    end = loop.end_lineno or loop.lineno
    if any(id(node) not in own or id(node) in inside or node.lineno <= end for node in reads) or len(program.trees) > 1:
        raise CannotMove("the variable is read elsewhere as well")
    if not reads or sum(isinstance(node.ctx, ast.Store) for node in mentions) != 1:
        raise CannotMove("the variable is not read where it is assigned")
    local = next(node for node in mentions if isinstance(node.ctx, ast.Store))
    # A function that fills a variable of the module gets a list of its own by the same name.
    parts = name if id(local) not in own else f"{name}_parts"
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.insert(f"{parts} = []", before(loop))
    rewrite.replace(statement, f"{parts}.append({program.source(call.args[0], path)})")
    for node in reads:
        rewrite.replace(node, f"{function[: -len('Variable')]}stack({parts})")
    return Mending("collect the rows and stack them", Safety.SAFE, rewrite.edits())


def _every_row(evidence: Poured, loop: ast.For, part: ast.Subscript, frame: Frame) -> bool:
    """Whether the loop goes through `range(size of the variable)`, one row after the other, to its end."""
    over, target = loop.iter, loop.target
    shape = evidence.variable.fields.get("shape")
    if not isinstance(target, ast.Name) or not isinstance(part.slice, ast.Name) or part.slice.id != target.id:
        return False
    if not isinstance(over, ast.Call) or not isinstance(over.func, ast.Name) or over.func.id != "range":
        return False
    if any(isinstance(node, (ast.Break, ast.Continue, ast.Return)) for node in ast.walk(loop)) or len(over.args) != 1:
        return False
    return shape is not None and bool(shape) and shape[0] is not None and number_of(over.args[0], frame) == shape[0]


def number_of(node: ast.expr, frame: Frame) -> object:
    """What a literal or a name stands for, if that is a constant."""
    if isinstance(node, ast.Constant):
        return node.value
    scope = frame.scope.find(node.id) if isinstance(node, ast.Name) else None
    value = scope.names[node.id] if scope is not None and isinstance(node, ast.Name) else None
    return value.value if isinstance(value, Constant) else None
