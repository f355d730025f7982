"""Mendings for a slope that a run saw to be infinite: which of the forms at that place it can have come from."""

from __future__ import annotations

import ast

from regrad.analysis.cut import Cut
from regrad.analysis.program import Program
from regrad.codemods.engine.moving import replace_expression
from regrad.codemods.engine.rule import Mending, Mendings, Safety, Withheld
from regrad.codemods.engine.small_constant import NORMS, ROOTS, kept_away

OPERATIONS = frozenset({"Sqrt", "Rsqrt", "Pow", "Log"})
"""Those whose slope is infinite at a value that is no mistake by itself."""
_SPREADS = frozenset({"reduce_std"})


def mended(program: Program, cut: Cut, node: ast.expr, path: str) -> Mendings:
    """A small constant; the run that follows says whether it is the cure."""
    kind = _kind(program, cut, node, path)
    if kind is None:
        return Withheld(
            f"{cut.operation} is not written at this place",
            "tf.sqrt(x + 1e-12)  # away from where its slope is infinite",
        )
    place, text, title = kept_away(program, kind, node, path)
    edits = replace_expression(program.files[path], program.trees[path], place, text)
    return (Mending(title, Safety.UNSAFE, edits, "the value changes in its last digits"),)


def _kind(program: Program, cut: Cut, node: ast.expr, path: str) -> str | None:
    if isinstance(node, ast.BinOp):
        return "power" if isinstance(node.op, ast.Pow) and cut.operation in ("Pow", "Sqrt", "Rsqrt") else None
    if not isinstance(node, ast.Call):
        return None
    name = program.source(node.func, path).rpartition(".")[2]
    if cut.operation == "Log":
        return "log" if name == "log" else None
    if cut.operation == "Pow":
        return "power" if name in ("pow", "power") else None
    if name in ROOTS:
        return "root"
    if name in NORMS:
        return "norm" if name == "norm" else "euclidean"
    return "spread" if name in _SPREADS else None
