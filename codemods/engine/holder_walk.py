"""One scope walked in the order in which it runs: who holds a variable when it is updated, and what reads it then.

What holds the variable at an update is stale from there on, and to read what is stale is a conflict. Loops are walked
through several times.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from regrad.analysis.callee import called
from regrad.codemods.engine.effects import path_of
from regrad.codemods.engine.held_reads import harmless
from regrad.codemods.engine.holding import Conflict, Question, State, declared, parameters
from regrad.codemods.engine.made_afresh import ELSEWHERE, fresh, sources
from regrad.codemods.engine.same_object import (
    KEEPING,
    NOTHING,
    Carried,
    Kind,
    arguments,
    carried,
    joined,
    own_nodes,
    puts_away,
    stepped,
    unpacked,
)
from regrad.codemods.engine.surroundings import function_around, owners, stored, stored_locally


class Walk:
    """One scope, in the order in which it runs."""

    def __init__(self, search: Question, path: str, scope: ast.AST) -> None:
        self.search, self.path, self.scope = search, path, scope
        self.program, self.target, self.known = search.program, search.target, search.known
        self.state = State()
        self.inner: set[str] = set()
        """Names that functions inside of this scope read, at any time."""
        self.locals = stored_locally(scope) - declared(scope) if not isinstance(scope, ast.Module) else set[str]()
        self.left: list[list[State]] = []

    def run(self) -> None:
        body: list[ast.stmt] = getattr(self.scope, "body", [])
        own = self.scope is self.target.scope
        if own and self.target.kind != "attribute" and self.target.name in parameters(self.scope):
            self.state.owner = frozenset(("handed",))
        for node in own_nodes(self.scope):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                self.inner |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        self._block(body)
        self._end()

    def _end(self) -> None:
        """What outlives this scope and holds the variable still."""
        if isinstance(self.scope, ast.Module):
            return
        attribute = self.target.kind == "attribute"
        lives = attribute or self.scope is not self.target.scope or "handed" in self.state.owner
        for root, what in self.state.held.items():
            if lives and self._outer(root):
                self._last(root, what)

    def _outer(self, root: str) -> bool:
        if root.startswith(ELSEWHERE) or "." in root or root in parameters(self.scope):
            return True
        return not isinstance(self.scope, ast.Module) and root not in self.locals

    def _last(self, root: str, what: Carried) -> None:
        if root in parameters(self.scope):
            if what.by == {None}:
                return  # the variable came from there, and its callers are asked
            root = f"{ELSEWHERE}{root}"
        self.search.lasting[root] = joined((self.search.lasting.get(root, NOTHING), what))

    # -- what an expression is --

    def look_at_target(self, node: ast.expr) -> Carried:
        """Whether an expression is the target itself, or asks somebody who hands it out."""
        name, kind = self.target.name, self.target.kind
        if kind == "attribute":
            if isinstance(node, ast.Attribute) and node.attr == name.rpartition(".")[2] and path_of(node) is not None:
                return Carried(Kind.ITSELF, frozenset((node,)))
        elif isinstance(node, ast.Name) and node.id == name:
            return Carried(Kind.ITSELF if kind == "name" else Kind.BOX, frozenset((node,)))
        elif kind == "element" and isinstance(node, ast.Subscript) and path_of(node.value) == name:
            return Carried(Kind.ITSELF, frozenset((node,)))
        return NOTHING

    def look(self, node: ast.expr) -> Carried:
        found = self.look_at_target(node)
        if found:
            return found
        if isinstance(node, (ast.Name, ast.Attribute)):
            root = path_of(node)
            if root is not None and root in self.state.held:
                return self.state.held[root]
        giver = called(node) if isinstance(node, ast.Call) else node.attr if isinstance(node, ast.Attribute) else ""
        if giver and giver in self.search.giving and not isinstance(getattr(node, "ctx", None), ast.Store):
            return Carried(Kind.PART, frozenset((None,)))
        return NOTHING

    def _carried(self, node: ast.expr) -> Carried:
        return carried(node, self.look, self.known)

    # -- statements --

    def _block(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            if not self.state.alive:
                return
            self._statement(statement)

    def _statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.If):
            self._expression(statement.test, statement)
            other = self.state.copy()
            self._block(statement.body)
            mine, self.state = self.state, other
            self._block(statement.orelse)
            self.state.join(mine)
        elif isinstance(statement, (ast.For, ast.AsyncFor, ast.While)):
            self._loop(statement)
        elif isinstance(statement, (ast.With, ast.AsyncWith)):
            for item in statement.items:
                self._expression(item.context_expr, statement)
            self._block(statement.body)
        elif isinstance(statement, ast.Try):
            before = self.state.copy()
            self._block(statement.body)
            after = self.state.copy()
            for handler in statement.handlers:
                self.state.join(before)
                self._block(handler.body)
                after.join(self.state)
                self.state = after.copy()
            self._block(statement.orelse)
            self._block(statement.finalbody)
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return
        elif isinstance(statement, (ast.Break, ast.Continue)):
            if self.left:
                self.left[-1].append(self.state.copy())
            self.state.alive = False
        else:
            self._simple(statement)
            if isinstance(statement, (ast.Return, ast.Raise)):
                if isinstance(statement, ast.Return):
                    self._end()
                self.state.alive = False

    def _loop(self, statement: ast.For | ast.AsyncFor | ast.While) -> None:
        self._expression(statement.test if isinstance(statement, ast.While) else statement.iter, statement)
        # What a pass leaves behind may be taken up in the next one, and meet an update in the one after it.
        for _ in range(3):
            before = self.state.copy()
            self.left.append([])
            if not isinstance(statement, ast.While):
                for name, what in stepped(statement.target, statement.iter, self.look, self.known).items():
                    self._bound(name, what)
                    if name == self.target.name and self.target.kind == "name":
                        self._taken_over(statement.iter)
            self._block(statement.body)
            if isinstance(statement, ast.While) and self.state.alive:
                self._expression(statement.test, statement)
            self.state.join(before, *self.left.pop())
        self._block(statement.orelse)

    def _simple(self, statement: ast.stmt) -> None:
        update = id(statement) in self.search.updates
        handing = self.search.handing is statement
        for node in ast.iter_child_nodes(statement):
            if isinstance(node, ast.expr):
                self._expression(node, statement)
        if update:
            if self.search.handing is None and "other" in self.state.owner:
                self._conflict(self.target.name, statement, frozenset((None,)), "bound to what is no variable")
            self.search.handed = self.search.handed or "handed" in self.state.owner
            self._changed()
            if not handing:
                return
            if self.target.kind != "element":
                self.state.stale[self.target.name] = Carried(Kind.ITSELF, frozenset((None,)))
        value = getattr(statement, "value", None)
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and value is not None:
            for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
                self._assigned(target, value, handing)
        elif isinstance(statement, ast.AugAssign) and self._is_target(statement.target):
            self.state.owner = frozenset(("other",))
        elif isinstance(statement, ast.AugAssign):
            what, root = self._carried(statement.value), path_of(statement.target)
            if what.kind in (Kind.BOX, Kind.PART) and root is not None:
                self.state.held[root] = joined((self.state.held.get(root, NOTHING), what))
        elif isinstance(statement, ast.Delete):
            for target in statement.targets:
                self._forget(path_of(target) or "")

    def _assigned(self, target: ast.expr, value: ast.expr, handing: bool) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
                # All of the right side is there before anything on the left is bound.
                whats = [self._carried(each) for each in value.elts]
                for part, source, what in zip(target.elts, value.elts, whats, strict=True):
                    self._put(part, source, what, handing)
                return
            given = unpacked(value, len(target.elts), self.look, self.known)
            for part, what in zip(target.elts, given, strict=True):
                self._put(part, value, what, handing)
            return
        self._put(target, value, self._carried(value), handing)

    def _put(self, target: ast.expr, value: ast.expr, what: Carried, handing: bool) -> None:
        if isinstance(target, ast.Starred):
            target = target.value
        if self._is_target(target):
            self._rebound(target, value, what, handing)
        elif isinstance(target, ast.Subscript):
            root = path_of(target.value)
            if what:
                self._keeps(root or f"{ELSEWHERE}{target.lineno}", what)
        elif what and isinstance(target, ast.Attribute) and self._same_attribute(target):
            self._keeps(f"{ELSEWHERE}{target.lineno}", what)
        else:
            root = path_of(target)
            if root is not None:
                self._bound(root, what)

    def _is_target(self, node: ast.expr) -> bool:
        if self.target.kind == "attribute":
            if not isinstance(node, ast.Attribute):
                return False
            elsewhere = self.scope is not self.target.scope and node.attr == self.target.name.rpartition(".")[2]
            return elsewhere or path_of(node) == self.target.name
        return isinstance(node, ast.Name) and node.id == self.target.name

    def _same_attribute(self, node: ast.Attribute) -> bool:
        return self.target.kind == "attribute" and node.attr == self.target.name.rpartition(".")[2]

    def _rebound(self, target: ast.expr, value: ast.expr, what: Carried, handing: bool) -> None:
        self._forget(self.target.name)
        if handing:
            # The caller takes what the function gives back, whatever it is.
            self.state.held = {}
            self.state.owner = frozenset(("fresh",))
            return
        if isinstance(value, ast.Constant) and value.value is None:
            return
        if self.target.kind == "attribute" or not what:
            self.state.held = {}
        if fresh(value, self.known):
            self.state.owner = frozenset(("fresh",))
            return
        if what:
            # It comes back from one that holds it: a tensor, in every pass but the first.
            self.state.owner = frozenset(("other",)) if not self._is_target(value) else self.state.owner
            return
        self.state.owner = frozenset(("fresh",))
        roots = sources(value)
        if roots is None or any(root in self.state.stale for root in roots):
            self.state.owner = frozenset(("other",))
        for root in roots or ():
            if root in parameters(self.scope):
                self._from_parameter(root)
            self.state.held[root] = Carried(Kind.PART, frozenset((None,)))

    def _from_parameter(self, root: str) -> None:
        """`self.w = w`: what the constructor was given is held by whoever gave it."""
        owner = self.scope
        if not isinstance(owner, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return
        names = {owner.name}
        around = function_around(self.program, owner, self.path)
        if isinstance(around, ast.ClassDef):
            names.add(around.name)
        for path in self.program.trees:
            for call in self.program.nodes_of(path, ast.Call):
                if called(call) in names:
                    for name, value in arguments(owner, call):
                        if name == root and not fresh(value, self.known) and self._read_besides(value, call, path):
                            self._conflict(ast.unparse(value), value, frozenset((None,)))

    def _read_besides(self, value: ast.expr, call: ast.Call, path: str) -> bool:
        """Whether anything but that call reads what it was given, before it, where others may have got hold of it, or
        behind it.
        """
        if not isinstance(value, ast.Name):
            return True
        for owner in owners(self.program, call, path):
            if isinstance(owner, (ast.For, ast.While)) and value.id not in stored(owner):
                return True
        return any(
            each.id == value.id and isinstance(each.ctx, ast.Load) and each is not value
            for each in self.program.nodes_of(path, ast.Name)
        )

    def _taken_over(self, walked: ast.expr) -> None:
        for root in sources(walked) or ():
            self.state.held[root] = Carried(Kind.BOX, frozenset((None,)))
        self.state.owner = frozenset(("fresh",))

    # -- what happens to the holders --

    def _bound(self, root: str, what: Carried) -> None:
        self._forget(root)
        if what:
            self.state.held[root] = what

    def _keeps(self, root: str, what: Carried) -> None:
        # A container keeps what it has, and what is called a box of boxes is one.
        what = what._replace(kind=Kind.BOX)
        if root == self.target.name and self.target.kind == "element":
            return
        self.state.held[root] = joined((self.state.held.get(root, NOTHING), what))

    def _forget(self, root: str) -> None:
        for each in (self.state.held, self.state.stale):
            for name in [name for name in each if name == root or name.startswith(f"{root}.")]:
                del each[name]

    def _changed(self) -> None:
        for root, what in self.state.held.items():
            self.state.stale[root] = joined((self.state.stale.get(root, NOTHING), what))
            if self._outer(root):
                self._last(root, what)
            elif root in self.inner:
                self._conflict(root, None, what.by)
        # A container goes on to hold what comes into it.
        self.state.held = {}

    def _expression(self, node: ast.expr, statement: ast.stmt) -> None:
        """What is read, what is put away, and which calls change the target."""
        parts = [node, *(each for each in own_nodes(node))]
        for part in parts:
            if isinstance(part, (ast.Name, ast.Attribute)) and isinstance(part.ctx, ast.Load):
                root = path_of(part)
                if root is not None and root in self.state.stale and not harmless(self.program, part, self.path):
                    self._conflict(root, part, self.state.stale[root].by)
        for part in parts:
            if isinstance(part, (ast.Yield, ast.YieldFrom)) and part.value is not None:
                what = self._carried(part.value)
                if what:
                    self._keeps(f"{ELSEWHERE}{part.lineno}", what)
            if not isinstance(part, ast.Call):
                continue
            what = puts_away(part, self.look, self.known)
            if what and not self._is_update_call(part):
                owner = part.func.value if isinstance(part.func, ast.Attribute) else part.args[0] if part.args else None
                kept_there = called(part) in KEEPING and called(part) not in self.known.functions and owner is not None
                root = path_of(owner) if kept_there and owner is not None else None
                self._keeps(root or f"{ELSEWHERE}{part.lineno}", what)
            if called(part) in self.search.changing:
                self._changed()

    def _is_update_call(self, call: ast.Call) -> bool:
        return self.search.handing is not None and self.program.statement(call, self.path) is self.search.handing

    def _conflict(self, holder: str, read: ast.AST | None, by: frozenset[ast.expr | None], reason: str = "") -> None:
        self.search.found.append(Conflict(holder, read, self.path, by, reason))
