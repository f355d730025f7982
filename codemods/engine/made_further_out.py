"""A list of weights that is made outside of the function that asks with it: around it, or where its object is made."""

from __future__ import annotations

import ast

from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.codemods.engine.surroundings import function_around, owners, stored


def said_where_made(program: Program, frame: Frame, made: ast.AST, spelled: str) -> bool:
    """Whether what the function calls `spelled` is called just so where the list is made, and is there already."""
    path, function = frame.path, frame.function
    if function is None or made not in program.parents(path) or not spelled:
        return False
    statement = program.statement(made, path)
    outer = function_around(program, made, path)
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or isinstance(outer, ast.ClassDef):
        return False
    root = spelled.split(".")[0].split("[")[0]
    if root == "self":
        return _of_the_same_object(program, function.node, outer, statement, spelled, path)
    if outer is not None and all(each is not outer for each in owners(program, function.node, path)):
        return False
    scope = outer if outer is not None else program.trees[path]
    if root in _bound_in(function.node):
        return False  # another thing of that name
    lines = [
        node.lineno
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and node.id == root and isinstance(node.ctx, ast.Store)
        if function_around(program, node, path) is outer
    ]
    return len(lines) == 1 and lines[0] < statement.lineno


def _of_the_same_object(
    program: Program, function: ast.AST, outer: ast.AST | None, statement: ast.stmt, spelled: str, path: str
) -> bool:
    """Whether both are methods of one class, and the attribute is set by the one that makes the list, before it."""
    classes = [
        next((each for each in owners(program, method, path) if isinstance(each, ast.ClassDef)), None)
        for method in (function, outer)
        if method is not None
    ]
    if len(classes) != 2 or classes[0] is None or classes[0] is not classes[1] or outer is None:
        return False
    attribute = spelled.split(".")[1].split("[")[0]
    lines = [
        node.lineno
        for node in ast.walk(classes[0])
        if isinstance(node, ast.Attribute) and node.attr == attribute and isinstance(node.ctx, ast.Store)
    ]
    inside = {id(node) for node in ast.walk(outer)}
    set_there = any(
        isinstance(node, ast.Attribute) and node.attr == attribute and isinstance(node.ctx, ast.Store)
        for node in ast.walk(outer)
    )
    return id(statement) in inside and set_there and len(lines) == 1 and lines[0] < statement.lineno


def _bound_in(function: ast.AST) -> set[str]:
    names = {each.arg for each in ast.walk(function) if isinstance(each, ast.arg)}
    return names.union(*(stored(each) for each in getattr(function, "body", ()) if isinstance(each, ast.stmt)))
