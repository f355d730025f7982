"""A weight that a layer makes and does not use."""

from __future__ import annotations

import ast
from typing import NamedTuple

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.analysis.values import Variable
from regrad.codemods.engine.called_twice import holder_of, weight_used_twice
from regrad.codemods.engine.offset_of_product import product_with_offset
from regrad.codemods.engine.rule import Mending, Mendings, Safety, Withheld
from regrad.codemods.engine.surroundings import function_around, loaded

_LOOKED_AT = frozenset({"numpy", "shape", "dtype", "name"})
_BY_NAME = frozenset({"getattr", "attrgetter", "vars", "eval", "exec", "locals", "__getattribute__"})
"""What reads an attribute whose name it is told."""


class Weight(NamedTuple):
    """A weight that a layer makes and does not use, with the one that stands where its name says it belongs, or with
    the product that it is the offset of.
    """

    misplaced: ast.Attribute | None
    name: str
    path: str
    product: ast.expr | None = None


def unused_weight(program: Program, part: Variable) -> Weight:
    """`w_i` is not used, but `w_z` is used twice, once of them next to `b_i`: there `w_i` belongs."""
    frame = part.frame
    assert frame is not None
    path = frame.path
    attribute, owner = _attribute(program, part, path), holder_of(part)
    if attribute is None or owner is None:
        return Weight(None, attribute or "", path)
    twice = weight_used_twice(program, part)
    if twice is not None:
        return Weight(twice, attribute, path)
    product = product_with_offset(program, part)
    if "_" not in attribute:
        return Weight(None, attribute, path, product)
    stem, _, suffix = attribute.rpartition("_")
    reads: list[ast.Attribute] = []
    for node in ast.walk(owner.cls.node):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Load)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        ):
            reads.append(node)
    found: list[ast.Attribute] = []
    for node in reads:
        other_stem, _, other_suffix = node.attr.rpartition("_")
        if other_stem != stem or other_suffix == suffix or sum(each.attr == node.attr for each in reads) < 2:
            continue
        statement = program.statement(node, path)
        inside = {each.attr for each in reads if statement is not None and program.statement(each, path) is statement}
        partners = {each.rpartition("_")[2] for each in inside if each != node.attr and "_" in each}
        if partners == {suffix}:
            found.append(node)
    return Weight(found[0] if len(found) == 1 else None, attribute, path, product)


def is_read(program: Program, part: Variable) -> bool:
    """Whether the program reads the attribute that holds the weight anywhere, or keeps it in a way that is not
    followed.
    """
    assert part.frame is not None
    name = _attribute(program, part, part.frame.path)
    if _set_by_name(program, part, part.frame.path) and any(
        called(node) in _BY_NAME for path in program.trees for node in program.nodes_of(path, ast.Call)
    ):
        return True
    return name is None or any(
        node.attr == name and isinstance(node.ctx, ast.Load)
        for path in program.trees
        for node in program.nodes_of(path, ast.Attribute)
    )


def is_computed_in_vain(program: Program, part: Variable) -> bool:
    """Whether whatever the program computes of the weight gets a name that is never read."""
    assert part.frame is not None
    name, vain = _attribute(program, part, part.frame.path), False
    for path in program.trees:
        parents = program.parents(path)
        for node in program.nodes_of(path, ast.Attribute):
            if node.attr != name or not isinstance(node.ctx, ast.Load):
                continue
            parent = parents.get(node)
            if isinstance(parent, ast.Attribute) and parent.attr in _LOOKED_AT:
                continue
            statement, function = program.statement(node, path), function_around(program, node, path)
            target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
            if not isinstance(target, ast.Name) or function is None or target.id in loaded(function):
                return False
            if any(isinstance(each, (ast.Global, ast.Nonlocal)) for each in ast.walk(function)):
                return False
            vain = True
    return vain


def _attribute(program: Program, part: Variable, path: str) -> str | None:
    statement = program.statement(part.node, path) if part.node is not None else None
    if (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Attribute)
    ):
        return statement.targets[0].attr
    # Made by a function of its own, or one of several in a row: then the object tells under which name it is kept.
    owner = holder_of(part)
    held = [name for name, value in owner.fields.items() if value is part] if owner is not None else []
    written = {node.attr for node in program.nodes_of(path, ast.Attribute) if isinstance(node.ctx, ast.Store)}
    by_name = _set_by_name(program, part, path)
    names = [name for name in held if name in written or (by_name and not name.startswith("_weight_"))]
    return names[0] if len(names) == 1 else None


def _set_by_name(program: Program, part: Variable, path: str) -> bool:
    """Whether the weight is kept by `setattr(self, name, …)`, under a name that the program need not spell."""
    parent = program.parents(path).get(part.node) if part.node is not None else None
    return isinstance(parent, ast.Call) and called(parent) == "setattr"


def used(program: Program, evidence: Weight) -> Mendings:
    """The weight is used where its name or its shape says that it belongs."""
    from regrad.codemods.engine.moving import Rewrite

    rewrite = Rewrite(program.files[evidence.path], program.trees[evidence.path])
    if evidence.misplaced is not None:
        rewrite.replace(evidence.misplaced, f"self.{evidence.name}")
        title = f"use `{evidence.name}` where it belongs"
    elif evidence.product is not None:
        text = program.source(evidence.product, evidence.path)
        rewrite.replace(evidence.product, f"{text} + self.{evidence.name}")
        title = f"add `{evidence.name}` to the product"
    else:
        return Withheld(
            "where the weight belongs is not certain; use it in `call`, or do not make it",
            f"self.{evidence.name}",
        )
    return [Mending(title, Safety.UNSAFE, rewrite.edits(), "the layer computes another function")]
