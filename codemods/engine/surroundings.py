"""Where a node stands: the blocks, functions and loops around it, and which names are taken there."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from regrad.analysis.program import Program
from regrad.codemods.engine.effects import FUNCTIONS
from regrad.codemods.engine.layout import CannotMove


def stored(node: ast.AST) -> set[str]:
    """The names that a piece of code binds in its own scope."""
    names: set[str] = set()
    stack: list[ast.AST] = [node]
    while stack:
        inner = stack.pop()
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, (ast.Store, ast.Del)):
            names.add(inner.id)
        elif isinstance(inner, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in inner.names)
        if isinstance(inner, (*FUNCTIONS, ast.ClassDef)):
            if not isinstance(inner, ast.Lambda):
                names.add(inner.name)
            continue
        stack.extend(ast.iter_child_nodes(inner))
    return names


def loaded(node: ast.AST) -> set[str]:
    """The names that a piece of code reads."""
    names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)}
    names.update(
        inner.target.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name)
    )
    return names


def block_of(program: Program, statement: ast.stmt, path: str) -> list[ast.stmt]:
    """The list of statements in which a statement stands."""
    parent = program.parents(path).get(statement)
    for _, value in ast.iter_fields(parent) if parent is not None else ():
        if isinstance(value, list) and any(item is statement for item in value):
            return value
    raise CannotMove("its block was not found")


def index_in(block: Sequence[ast.stmt], statement: ast.AST) -> int | None:
    """Where a statement stands in a block; None where it is not directly in it."""
    return next((index for index, other in enumerate(block) if other is statement), None)


def owners(program: Program, node: ast.AST, path: str) -> list[ast.AST]:
    """The nodes around a node, from the inside out."""
    parents = program.parents(path)
    chain: list[ast.AST] = []
    current = parents.get(node)
    while current is not None:
        chain.append(current)
        current = parents.get(current)
    return chain


def function_around(program: Program, node: ast.AST, path: str) -> ast.AST | None:
    """The function in whose body a node stands; None at the top of a module or class."""
    return next((owner for owner in owners(program, node, path) if isinstance(owner, (*FUNCTIONS, ast.ClassDef))), None)


def stored_locally(scope: ast.AST) -> set[str]:
    """The parameters and local names of a function."""
    names = {argument.arg for argument in ast.walk(scope) if isinstance(argument, ast.arg)}
    for statement in getattr(scope, "body", ()):
        if isinstance(statement, ast.stmt):
            names |= stored(statement)
    return names


def free_name(program: Program, path: str, within: ast.AST, wishes: Sequence[str]) -> str:
    """The first of some names that the code does not use yet."""
    taken = {node.id for node in ast.walk(within) if isinstance(node, ast.Name)} | {
        node.arg for node in ast.walk(within) if isinstance(node, ast.arg)
    }
    for wish in wishes:
        if wish not in taken:
            return wish
    number = 2
    while f"{wishes[0]}_{number}" in taken:
        number += 1
    return f"{wishes[0]}_{number}"
