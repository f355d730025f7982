"""What is known of a variable's holders while a scope is walked, and what such a walk is asked."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from regrad.analysis.parameters import every
from regrad.analysis.program import Program
from regrad.codemods.engine.same_object import NOTHING, Carried, Definitions, joined, own_nodes


class Target(NamedTuple):
    """What is updated: a name of a scope, an attribute, or the elements of what a name of a scope holds."""

    path: str
    scope: ast.AST
    name: str
    kind: str
    """`name`, `attribute` or `element`."""


class Conflict(NamedTuple):
    """A holder that is read when the variable has changed. `by` are the expressions by which it got hold of it; None
    where the variable came from there.
    """

    holder: str
    read: ast.AST | None
    path: str
    by: frozenset[ast.expr | None]
    reason: str = ""


@dataclass
class State:
    held: dict[str, Carried] = field(default_factory=dict)
    stale: dict[str, Carried] = field(default_factory=dict)
    owner: frozenset[str] = frozenset()
    """What the target may be bound to: `fresh`, `handed` (a parameter), `other`."""
    alive: bool = True

    def copy(self) -> State:
        return State(dict(self.held), dict(self.stale), self.owner, self.alive)

    def join(self, *others: State) -> None:
        states = [each for each in (self, *others) if each.alive]
        self.alive = bool(states)
        if not states:
            return
        for name in ("held", "stale"):
            roots = {root for each in states for root in getattr(each, name)}
            setattr(
                self, name, {root: joined(getattr(each, name).get(root, NOTHING) for each in states) for root in roots}
            )
        self.owner = frozenset().union(*(each.owner for each in states))


class Question(Protocol):
    """What a walk is to find out, and where it leaves what it found."""

    program: Program
    target: Target
    known: Definitions
    updates: dict[int, ast.stmt]
    changing: frozenset[str]
    giving: frozenset[str]
    handing: ast.stmt | None
    handed: bool
    found: list[Conflict]
    lasting: dict[str, Carried]


def parameters(scope: ast.AST) -> frozenset[str]:
    if not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return frozenset()
    return frozenset(each.arg for each in every(scope.args))


def declared(scope: ast.AST) -> set[str]:
    return {name for node in own_nodes(scope) if isinstance(node, (ast.Global, ast.Nonlocal)) for name in node.names}
