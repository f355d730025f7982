"""Who else holds a variable when `w = w - step` is to become an update of it in place, and reads it afterwards.

The plain assignment leaves the old value to whoever holds it: another name, a list, an attribute, a caller. The update
in place takes it away. Every scope that sees the variable is walked, and those who hand it in are asked.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.codemods.engine.effects import path_of
from regrad.codemods.engine.held_reads import harmless
from regrad.codemods.engine.holder_walk import Walk
from regrad.codemods.engine.holding import Conflict, Target, declared
from regrad.codemods.engine.made_afresh import ELSEWHERE, fresh
from regrad.codemods.engine.same_object import (
    Carried,
    Definitions,
    FunctionNode,
    arguments,
    carried,
    own_nodes,
)
from regrad.codemods.engine.surroundings import function_around, owners, stored_locally

_DEEPEST = 3


def target_of(program: Program, node: ast.expr, path: str) -> Target | None:
    """What an assignment to this expression updates."""
    function = function_around(program, node, path)
    scope: ast.AST = function if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) else program.trees[path]
    if isinstance(node, ast.Attribute) and path_of(node) is not None:
        return Target(path, scope, path_of(node) or "", "attribute")
    base = node.value if isinstance(node, ast.Subscript) else node
    name = path_of(base)
    if not isinstance(base, ast.Name) or name is None:
        return None
    if scope is not program.trees[path] and (name not in stored_locally(scope) or name in declared(scope)):
        scope = program.trees[path]
    return Target(path, scope, name, "element" if isinstance(node, ast.Subscript) else "name")


def conflicts(program: Program, target: Target, updates: Sequence[ast.stmt], depth: int = 0) -> list[Conflict]:
    """The holders beside the target that are read after one of the updates, each once."""
    search = _Search(program, target, updates, depth)
    search.run()
    found: dict[tuple[str, int], Conflict] = {}
    for each in search.found:
        key = (each.holder, id(each.read))
        earlier = found.get(key)
        found[key] = each if earlier is None else earlier._replace(by=earlier.by | each.by)
    return list(found.values())


def definitions(program: Program) -> Definitions:
    """The functions and classes that the program itself defines."""
    functions: dict[str, list[FunctionNode]] = {}
    classes: set[str] = set()
    imported: set[str] = set()
    for path in program.trees:
        for node in program.nodes(path):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                functions.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.ClassDef):
                classes.add(node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                imported.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    return Definitions(functions, frozenset(classes), frozenset(imported - classes - set(functions)))


class _Search:
    """One look at a target: which scopes see it, and what is read in them when it has changed."""

    def __init__(self, program: Program, target: Target, updates: Sequence[ast.stmt], depth: int) -> None:
        self.program, self.target, self.depth = program, target, depth
        self.updates = {id(each): each for each in updates}
        self.known = program.once(definitions)
        self.found: list[Conflict] = []
        self.changing = self._changing(updates)
        self.lasting: dict[str, Carried] = {}
        """Attributes and names of outer scopes that hold the variable at the end of a scope, or become stale in it."""
        self.handed = False
        self.handing: ast.stmt | None = None
        """The call by which the caller hands the variable in, where this is asked of a caller."""
        self.giving: frozenset[str] = frozenset()
        self.giving = self._giving()

    def run(self) -> None:
        scopes = list(self._scopes())
        for path, scope in scopes:
            Walk(self, path, scope).run()
        for root, what in self.lasting.items():
            for path, reader in self._reads_of(root):
                self.found.append(Conflict(root, reader, path, what.by))
        if self.handed:
            self._ask_callers()

    # -- where it is seen --

    def _scopes(self) -> Iterator[tuple[str, ast.AST]]:
        local = self.target.kind != "attribute"
        for path in [self.target.path] if local else list(self.program.trees):
            tree = self.program.trees[path]
            for scope in (
                tree,
                *(n for n in self.program.nodes(path) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))),
            ):
                if local and not self._sees(scope):
                    continue
                yield path, scope

    def _sees(self, scope: ast.AST) -> bool:
        """Whether the name means the target there: in its own scope, and in functions inside that do not bind it."""
        if scope is self.target.scope:
            return True
        around = (scope, *owners(self.program, scope, self.target.path))
        inside = [each for each in around if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module))]
        if not any(each is self.target.scope for each in inside):
            return False
        between = inside[: next(i for i, each in enumerate(inside) if each is self.target.scope)]
        return all(
            self.target.name not in stored_locally(each) or self.target.name in declared(each) for each in between
        )

    def _changing(self, updates: Sequence[ast.stmt]) -> frozenset[str]:
        """The names of functions whose call updates the target: those around the updates, and those that call them."""
        if self.target.kind != "attribute" and self.target.scope is not self.program.trees[self.target.path]:
            # A name of a function: only functions inside of it can change it.
            names = {f.name for each in updates for f in self._around(each) if f is not self.target.scope}
        else:
            names = {f.name for each in updates for f in self._around(each)}
        names.discard("__init__")
        for _ in range(4):
            more = set(names)
            for path in self.program.trees:
                for node in self.program.nodes_of(path, ast.Name) if names else ():
                    if node.id in names:
                        more |= self._takes_over(node, path)
                for attribute in self.program.nodes_of(path, ast.Attribute) if names else ():
                    if attribute.attr in names:
                        more |= self._takes_over(attribute, path)
            if more == names:
                break
            names = more
        return frozenset(names)

    def _around(self, node: ast.AST) -> Iterator[FunctionNode]:
        for owner in owners(self.program, node, self.target.path):
            if isinstance(owner, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield owner
                return

    def _takes_over(self, node: ast.expr, path: str) -> set[str]:
        """The function that uses a changing one, and the name that one is given besides."""
        found: set[str] = set()
        function = next(
            (o for o in owners(self.program, node, path) if isinstance(o, (ast.FunctionDef, ast.AsyncFunctionDef))),
            None,
        )
        if function is not None and function is not self.target.scope:
            found.add(function.name)
        parent = self.program.parents(path).get(node)
        if isinstance(parent, ast.Call) and parent.func is node:
            return found - {"__init__"}
        statement = self.program.statement(node, path)
        if isinstance(statement, ast.Assign):
            found |= {target.id for target in statement.targets if isinstance(target, ast.Name)}
        if isinstance(parent, ast.Call) and called(parent) in self.known.functions:
            found.add(called(parent))
        return found - {"__init__"}

    def _giving(self) -> frozenset[str]:
        """The functions and properties that hand the target out, where others can ask them for it."""
        if self.target.kind == "name" and self.target.scope is not self.program.trees[self.target.path]:
            return frozenset()
        names: set[str] = set()
        for path, scope in self._scopes():
            if not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            look = Walk(self, path, scope).look_at_target
            for node in own_nodes(scope):
                value = node.value if isinstance(node, (ast.Return, ast.Yield)) else None
                if value is not None and carried(value, look, self.known):
                    names.add(scope.name)
        return frozenset(names)

    def _reads_of(self, root: str) -> Iterator[tuple[str, ast.AST]]:
        """Where others than those that put it there read what an attribute or outer name holds."""
        if root.startswith(ELSEWHERE):
            yield self.target.path, self.target.scope
            return
        last = root.rpartition(".")[2]
        for path in self.program.trees:
            kind: type[ast.Attribute] | type[ast.Name] = ast.Attribute if "." in root else ast.Name
            for node in self.program.nodes_of(path, kind):
                named = node.attr if isinstance(node, ast.Attribute) else node.id
                if named == last and isinstance(node.ctx, ast.Load) and not harmless(self.program, node, path):
                    yield path, node

    def _ask_callers(self) -> None:
        """The arguments of those who call the function whose parameter is updated."""
        function = self.target.scope
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return
        calls = [
            (path, call)
            for path in self.program.trees
            for call in self.program.nodes_of(path, ast.Call)
            if called(call) == function.name
        ]
        unsaid = Conflict("the caller", function, self.target.path, frozenset((None,)))
        if not calls or self.depth >= _DEEPEST:
            self.found.append(unsaid)
            return
        for path, call in calls:
            given = [value for name, value in arguments(function, call) if name == self.target.name]
            if not given:
                self.found.append(unsaid)
            for value in given:
                self._ask_caller(path, call, value)

    def _ask_caller(self, path: str, call: ast.Call, value: ast.expr) -> None:
        statement = self.program.statement(call, path)
        if fresh(value, self.known):
            return
        base = value
        while isinstance(base, ast.Subscript):
            base = base.value
        place = target_of(self.program, base, path)
        if place is None or statement is None:
            self.found.append(Conflict(ast.unparse(value), value, path, frozenset((None,))))
            return
        if self.target.kind == "element":
            place = place._replace(kind="element") if place.kind == "name" else place
        search = _Search(self.program, place, [statement], self.depth + 1)
        # What the caller itself holds is as old as what others hold, unless the call gives the new value back.
        search.handing = statement if self.target.kind != "element" else None
        search.run()
        self.found.extend(each._replace(by=frozenset((None,))) for each in search.found)
