"""A layer that is made and built, and that nothing calls."""

from __future__ import annotations

import ast

from regrad.analysis.program import Program
from regrad.analysis.values import Instance, Layer, Value


def built_in_vain(program: Program, part: Value) -> str | None:
    """The name under which the object keeps such a layer: all that the program does with it is to build it.

    A layer that is never built has no weights, so nothing is missed; one that is called under a condition, or handed to
    a function, has a use.
    """
    owner = part.frame.this if isinstance(part, Layer) and part.frame is not None else None
    if not isinstance(owner, Instance) or not isinstance(part, Layer) or part.fields.get("#calls"):
        return None
    names = [name for name, value in owner.fields.items() if value is part and name.isidentifier()]
    if len(names) != 1:
        return None
    built = False
    for path in program.trees:
        parents = program.parents(path)
        for node in program.nodes_of(path, ast.Attribute):
            if node.attr != names[0] or not isinstance(node.ctx, ast.Load):
                continue
            method = parents.get(node)
            if not isinstance(method, ast.Attribute) or method.attr != "build":
                return None
            built = True
    return names[0] if built else None
