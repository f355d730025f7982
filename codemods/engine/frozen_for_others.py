"""A model that trains by itself, and is frozen for the models that contain it: each at its own time."""

from __future__ import annotations

import ast

from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.analysis.trainings import Freeze, Training
from regrad.codemods.engine.flag_at_each_step import toggled
from regrad.codemods.engine.moving import CannotMove, Rewrite, after
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import block_of, index_in


def frozen_for_others(
    program: Program, training: Training, freezes: tuple[Freeze, ...], held_by: tuple[Trained, ...]
) -> Mending:
    """The freeze comes behind the model's own `compile`, where it holds for the models that contain it (Keras 2), and
    the flag is set before each step (Keras 3).
    """
    event, owner = training.event, training.owner
    compiled = event.compilation if isinstance(event, Trained) else None
    if compiled is None or compiled.node is None or not isinstance(compiled.node.func, ast.Attribute):
        raise CannotMove("it is frozen for another model that contains it, too, and its `compile` is not known")
    if len(freezes) != 1:
        raise CannotMove("it is frozen for another model that contains it, too; when it shall train is not certain")
    freeze = freezes[0]
    path = freeze.frame.path
    statement = _whole(program, freeze, path)
    compiling = program.statement(compiled.node, path) if compiled.frame.path == path else None
    block = block_of(program, statement, path)
    first, last = index_in(block, statement), index_in(block, compiling) if compiling is not None else None
    if freeze.event is None or first is None or last is None or last < first or freeze.frame is not compiled.frame:
        raise CannotMove("it is frozen for another model that contains it, too, and not beside its own `compile`")
    own = [each for each in program.of(Trained) if each.model is owner]
    if any(each.own_step for each in own) or any(each.frame.path != path for each in own):
        raise CannotMove("the model is trained in several files")
    if any(_between(each, block[first : last + 1]) for each in (*own, *held_by)):
        raise CannotMove("a training stands between the freeze and `compile`")
    rewrite = Rewrite(program.files[path], program.trees[path])
    if freeze.owner is owner:
        rewrite.move([statement], after(block[last]))
    else:
        # Keras 3 passes on to the layers what changes the model's own flag, and nothing else.
        rewrite.remove([statement])
        rewrite.insert(f"{program.source(compiled.node.func.value, path)}.trainable = False", after(block[last]))
    toggled(program, rewrite, own, held_by)
    why = "it trains by itself, and stands still where a model that contains it is trained"
    return Mending("freeze it behind its own `compile`", Safety.UNSAFE, rewrite.edits(), why)


def _whole(program: Program, freeze: Freeze, path: str) -> ast.stmt:
    """The statement of a freeze, with the loop over layers that holds nothing else."""
    statement = program.statement(freeze.node, path)
    if not isinstance(statement, ast.Assign):
        raise CannotMove("the flag is not set by a plain assignment")
    parent = program.parents(path).get(statement)
    return parent if isinstance(parent, ast.For) and parent.body == [statement] and not parent.orelse else statement


def _between(event: Trained, statements: list[ast.stmt]) -> bool:
    return any(inner is event.node for statement in statements for inner in ast.walk(statement))
