"""Taking a freeze back: the assignment, or the argument, that switched a layer off."""

from __future__ import annotations

import ast

from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.trainings import Freeze
from regrad.codemods.engine.arguments import remove_argument
from regrad.codemods.engine.moving import CannotMove, Rewrite
from regrad.codemods.engine.rule import Edit


def taken_back(program: Program, freeze: Freeze) -> tuple[Edit, ...]:
    """The edits that remove the freeze, with the loop or condition that held nothing else; raises `CannotMove`."""
    path = freeze.frame.path
    source = program.files[path]
    if freeze.event is None:
        if not isinstance(freeze.node, ast.Call):
            raise CannotMove("the place where the layer is made is not known")
        return (remove_argument(source, freeze.node, "trainable"),)
    statement = freezing_statement(program, freeze.node, freeze.frame)
    parents = program.parents(path)
    gone: ast.stmt = statement
    while True:
        parent = parents.get(gone)
        if isinstance(parent, (ast.For, ast.If)) and parent.body == [gone] and not parent.orelse and _harmless(parent):
            gone = parent
            continue
        break
    parent = parents.get(gone)
    alone = parent is not None and any(
        getattr(parent, name, None) == [gone] for name in ("body", "orelse", "finalbody")
    )
    rewrite = Rewrite(source, program.trees[path])
    if (alone and not isinstance(parent, ast.Module)) or _is_elif(gone, parent):
        # Taking it away would leave an empty block, so the flag is set the other way round.
        rewrite.replace(statement.value, "True")
    else:
        rewrite.remove([gone])
    return rewrite.edits()


def freezing_statement(program: Program, node: ast.AST, frame: Frame) -> ast.Assign:
    """The plain assignment `thing.trainable = False` around a freeze; raises `CannotMove` for any other form."""
    statement = program.statement(node, frame.path)
    if (
        not isinstance(statement, ast.Assign)
        or len(statement.targets) != 1
        or not isinstance(statement.targets[0], ast.Attribute)
    ):
        raise CannotMove("the flag is not set by a plain assignment")
    if not isinstance(statement.value, ast.Constant):
        raise CannotMove("the flag is set to a value that is computed elsewhere")
    return statement


def _harmless(block: ast.For | ast.If) -> bool:
    """Whether evaluating the loop's or condition's header does nothing else."""
    header = [block.test] if isinstance(block, ast.If) else [block.iter, block.target]
    for part in header:
        for node in ast.walk(part):
            if isinstance(node, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)):
                return False
            if isinstance(node, ast.Call) and not (
                isinstance(node.func, ast.Name)
                and node.func.id in ("isinstance", "enumerate", "len", "range", "reversed")
            ):
                return isinstance(node.func, ast.Attribute) and node.func.attr in ("startswith", "endswith", "lower")
    return True


def _is_elif(statement: ast.stmt, parent: ast.AST | None) -> bool:
    return isinstance(parent, ast.If) and isinstance(statement, ast.If) and parent.orelse == [statement]
