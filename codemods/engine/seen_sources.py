"""Mendings for what gradients were asked for, as a run saw it: of whole numbers, not trainable, or not watched."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis.cut import CutKind
from regrad.codemods.engine.arguments import set_keyword
from regrad.codemods.engine.imports import spelled
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Edit, Mending, Mendings, Safety, Withheld

if TYPE_CHECKING:
    from regrad.analysis.program import Program

MAKERS = ("Variable", "add_weight", "get_variable")


def made_at(program: Program, path: str, line: int) -> ast.Call | None:
    """The one call on a line that makes a variable."""
    calls = [
        node
        for node in program.nodes(path)
        if isinstance(node, ast.Call)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
        and program.source(node.func, path).rpartition(".")[2] in MAKERS
    ]
    return calls[0] if len(calls) == 1 else None


def source_at(program: Program, path: str, line: int, variables: tuple[str, ...]) -> ast.Name | None:
    """The name by which `tape.gradient(target, sources)` on a line asks for `source 0 (line 12)`, as a run calls it."""
    calls = [
        node
        for node in program.nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "gradient"
        and node.lineno <= line <= (node.end_lineno or node.lineno)
        and len(node.args) >= 2
    ]
    words = variables[0].split() if len(variables) == 1 else []
    if len(calls) != 1 or len(words) < 2 or words[0] != "source" or not words[1].isdigit():
        return None
    sources, position = calls[0].args[1], int(words[1])
    parts = sources.elts if isinstance(sources, (ast.List, ast.Tuple)) else [sources]
    found = parts[position] if position < len(parts) else None
    return found if isinstance(found, ast.Name) else None


def mended_where_made(program: Program, kind: CutKind, call: ast.Call, path: str) -> Mendings:
    source = program.files[path]
    if kind is CutKind.NOT_TRAINABLE:
        edit = set_keyword(source, call, "trainable", "True")
        return (Mending("make it trainable", Safety.UNSAFE, (edit,), "it joins every list of trainable variables"),)
    name = spelled(program.trees[path], "tensorflow.float32")
    if name is None:
        raise CannotMove("TensorFlow is not imported in this file")
    why = "only numbers with a point have a gradient; what indexes with it needs a whole number"
    return (Mending("make it a float", Safety.UNSAFE, (set_keyword(source, call, "dtype", name),), why),)


def watched(program: Program, node: ast.Name, path: str, tape_line: int | None) -> Mendings:
    """`tape.watch(x)` as the first thing that the tape sees."""
    from regrad.codemods.engine import moving

    owner = next(
        (each for each in program.nodes_of(path, ast.With) if each.lineno == tape_line),
        None,
    )
    tape = next(
        (item.optional_vars.id for item in owner.items if isinstance(item.optional_vars, ast.Name))
        if owner
        else iter(()),
        None,
    )
    advice = f"tape.watch({node.id})"
    if owner is None or tape is None or len(owner.items) != 1:
        return Withheld("the tape is opened elsewhere", advice)
    inside = [part for statement in owner.body for part in ast.walk(statement)]
    if any(isinstance(part, ast.Name) and part.id == node.id and isinstance(part.ctx, ast.Store) for part in inside):
        return Withheld(f"`{node.id}` is made while the tape records", advice)
    rewrite = moving.Rewrite(program.files[path], program.trees[path])
    rewrite.insert(f"{tape}.watch({node.id})", moving.at_start(owner))
    edits: tuple[Edit, ...] = rewrite.edits()
    return (Mending(f"watch `{node.id}`", Safety.SAFE, edits),)
