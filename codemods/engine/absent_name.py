"""A loop over layers that waits for a name which the model does not have: the nearest name that it has."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Sequence

from regrad.analysis import freshness
from regrad.analysis.program import Program
from regrad.analysis.trainings import Freeze, Training
from regrad.analysis.values import Constant, Layer, Network, Value
from regrad.analysis.weights import sublayers
from regrad.codemods.engine import unfreezing
from regrad.codemods.engine.moving import Rewrite
from regrad.codemods.engine.named_value import standing_for
from regrad.codemods.engine.respelling import file_of, quoted
from regrad.codemods.engine.rule import Edit, Mending, Safety


def another_name(program: Program, training: Training, freezes: Sequence[Freeze]) -> list[Mending]:
    """The name that the loop around a freeze asks for becomes one that a layer has; empty where no loop asks so."""
    names = [
        name
        for part in sublayers(training.owner)
        if (isinstance(part, Network) or (isinstance(part, Layer) and freshness.has_weights(part)))
        and (name := _name(part))
    ]
    for freeze in freezes if names else ():
        parents = program.parents(freeze.frame.path)
        loop: ast.AST | None = freeze.node
        while loop is not None and not isinstance(loop, ast.For):
            loop = parents.get(loop)
        for node in ast.walk(loop) if loop is not None else ():
            asked, partial = _asked(node)
            value = standing_for(asked, freeze.frame) if asked is not None else None
            if not isinstance(value, Constant) or not isinstance(value.value, str) or value.value in names:
                continue
            written = value.node if isinstance(value.node, ast.Constant) else None
            path = file_of(program, written) if written is not None else None
            if written is None or path is None:
                continue
            outer = [other for other in freezes if isinstance(other.owner, Network) and other.node is not freeze.node]
            if any(other.frame.path != path for other in outer):
                return []
            first, *others = _nearest(value.value, names, partial)
            return [_renamed(program, written, path, first, value.value, outer)] + [
                _renamed(program, written, path, other, None, outer) for other in others
            ]
    return []


def _renamed(
    program: Program, written: ast.Constant, path: str, name: str, absent: str | None, outer: Sequence[Freeze]
) -> Mending:
    rewrite = Rewrite(program.files[path], program.trees[path])
    rewrite.replace(written, quoted(program, path, name, written))
    for other in outer:
        rewrite.replace(unfreezing.freezing_statement(program, other.node, other.frame).value, "True")
    edits: tuple[Edit, ...] = rewrite.edits()
    reason = f"no layer is called {absent!r}; this name is the nearest" if absent is not None else "the last layer"
    return Mending(f"unfreeze from `{name}` on", Safety.UNSAFE, edits, reason)


def _nearest(wanted: str, names: Sequence[str], partial: bool) -> list[str]:
    """The name, or where a part of one is asked for the first part, that is most like it, and the last layer's."""
    found = [part for name in names for part in ((name.partition("_")[0], name) if partial else (name,)) if part]
    number = "".join(filter(str.isdigit, wanted))

    def likeness(index: int) -> tuple[bool, bool, float, int]:
        numbered = bool(number) and "".join(filter(str.isdigit, found[index])) == number
        alike = partial and ("_" in found[index]) == ("_" in wanted)
        return numbered, alike, difflib.SequenceMatcher(None, wanted, found[index]).ratio(), index

    ordered = sorted(range(len(found)), key=likeness, reverse=True)
    return list(dict.fromkeys((found[ordered[0]], names[-1])))


def _name(part: Value) -> str | None:
    stated = part.arguments.get("name") if isinstance(part, Layer) else part.fields.get("#name")  # type: ignore[attr-defined]
    return stated.value if isinstance(stated, Constant) and isinstance(stated.value, str) else None


def _asked(node: ast.AST) -> tuple[ast.expr | None, bool]:
    """What `layer.name` is compared with, and whether a part of the name is enough."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = node.left, node.comparators[0]
        if isinstance(node.ops[0], ast.Eq):
            for name, other in ((left, right), (right, left)):
                if _is_name(name):
                    return other, False
        if isinstance(node.ops[0], ast.In) and _is_name(right):
            return left, True
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "startswith"
        and _is_name(node.func.value)
        and len(node.args) == 1
    ):
        return node.args[0], True
    return None, False


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "name"
