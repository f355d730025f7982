"""Scopes and call frames: where names live, and through which calls the interpreter came to a place."""

from __future__ import annotations

import ast

from regrad.analysis.values import Function, Value


class Scope:
    """The names of a module, function or class body, and the scope around it."""

    __slots__ = ("declared_global", "declared_nonlocal", "names", "parent")

    def __init__(self, parent: Scope | None = None) -> None:
        self.names: dict[str, Value] = {}
        self.parent = parent
        self.declared_global: frozenset[str] = frozenset()
        self.declared_nonlocal: frozenset[str] = frozenset()

    def find(self, name: str) -> Scope | None:
        """The innermost scope, from here outwards, that binds the name."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope
            scope = scope.parent
        return None

    def outermost(self) -> Scope:
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope


class Frame:
    """One activation of a module body or function. `call` is the call expression in `caller` that led here.

    `statement` is the statement being interpreted; operations remember the frame, and `place_in` finds, for an
    operation made deep inside
    calls, the expression of an outer frame that it belongs to.
    """

    __slots__ = ("call", "caller", "depth", "function", "path", "scope", "statement", "this")

    def __init__(
        self,
        path: str,
        scope: Scope,
        function: Function | None = None,
        call: ast.AST | None = None,
        caller: Frame | None = None,
        this: Value | None = None,
    ) -> None:
        self.path = path
        self.scope = scope
        self.function = function
        self.call = call
        self.caller = caller
        self.this = this
        self.depth: int = 0 if caller is None else caller.depth + 1
        self.statement: ast.stmt | None = None


def made_up(frame: Frame | None) -> Frame | None:
    """The call that the reader made up for a function nobody calls, where a frame hangs below one."""
    while frame is not None:
        if frame.function is not None and (frame.call is None or frame.call is frame.function.node):
            return frame
        frame = frame.caller
    return None


def in_order(earlier: Frame, later: Frame) -> bool:
    """Whether what happened in `earlier` certainly comes before what happens in `later`, as the reader saw it.

    A method that nobody calls may be called before every other; only what made its object comes first.
    """
    root = made_up(later)
    if root is None or made_up(earlier) is root:
        return True
    frame: Frame | None = earlier
    called = False
    while frame is not None:
        if frame.function is not None:
            if frame.function.name in ("__init__", "build"):
                return True
            called = True
        frame = frame.caller
    return not called


def place_in(frame: Frame | None, node: ast.AST | None, outer: Frame | None) -> ast.AST | None:
    """The expression of `outer`'s own body that led to `node` in `frame`; None where `outer` is not on the way."""
    while frame is not None:
        if frame is outer:
            return node
        node, frame = frame.call, frame.caller
    return None
