"""The nearest row of a table that is trained: chosen forwards, while the gradient passes by the choice backwards."""

from __future__ import annotations

import ast

from regrad.analysis.endings import Ending
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor
from regrad.codemods.engine import imports
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.operations_of import reached
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import function_around

_LOOKING_UP = frozenset({"gather", "embedding_lookup", "one_hot", "matmul", "reshape", "cast"})
_OTHER = CannotMove("what the nearest row is used for is not certain here")


def nearest_rows(program: Program, ending: Ending) -> Mending:
    """`z + stop_gradient(row - z)` where a layer is given the row, or where what draws it to `z` returns it.

    Raises `CannotMove` unless a term of the loss draws the rows to a stopped `z`: it alone trains them then, and shows
    that both have one shape.
    """
    from regrad.codemods.engine.moving import Rewrite

    uses = _Uses(program, ending)
    path = ending.frame.path
    rewrite = Rewrite(program.files[path], program.trees[path])
    try:
        given = [(place, row, uses.name_of_what_is_near(place)) for place, row in uses.named_places()]
    except CannotMove:
        given = [uses.returned()]
    for place, row, near in given:
        stop = imports.spelled(program.trees[path], "tensorflow.stop_gradient", place)
        if stop is None:
            raise CannotMove("the file does not say `tensorflow`")
        rewrite.replace(place, f"{near} + {stop}({row} - {near})")
    why = "the row that is chosen stays; the gradient of what is made of it is passed on as if it were what it is near"
    return Mending("let the gradient pass by the choice", Safety.UNSAFE, rewrite.edits(), why)


class _Uses:
    """What the rows are used for: terms that draw them near, and the places that are given them."""

    def __init__(self, program: Program, ending: Ending) -> None:
        if ending.operation is None or ending.operation.name != "argmin":
            raise CannotMove("no nearest row is chosen here")
        self.program, self.path = program, ending.frame.path
        made = list(reached(sink.target for sink in program.sinks))
        self.users: dict[int, list[Tensor]] = {}
        for each in made:
            for part in each.operation.inputs:
                self.users.setdefault(id(part), []).append(each)
        self.near: list[Tensor] = []
        """What the rows are drawn to, stopped."""
        self.rows: list[Tensor] = []
        """What the terms that draw them near call the rows."""
        self.places: dict[ast.expr, ast.Name] = {}
        self.unnamed = False
        """Whether some layer is given the rows in a way that names neither."""
        waiting = [each for each in made if each.operation.node is ending.node]
        self.asked = {id(each) for each in reached(iter(waiting))}
        """What the choice is made by."""
        seen: set[int] = set()
        while waiting:
            value = waiting.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            for user in self.users.get(id(value), ()):
                if user.operation.name in _LOOKING_UP and user.operation.kind == "op":
                    waiting.append(user)
                else:
                    self._used(value, user)
        if not self.near or not (self.places or self.unnamed):
            raise _OTHER

    def _used(self, row: Tensor, user: Tensor) -> None:
        operation = user.operation
        if operation.name == "subtract" and len(operation.inputs) == 2:
            other = operation.inputs[0] if operation.inputs[1] is row else operation.inputs[1]
            if not isinstance(other, Tensor) or other.operation.name != "stop_gradient":
                raise _OTHER
            if id(other.operation.inputs[0]) not in self.asked:
                raise _OTHER
            self.near.append(other)
            self.rows.append(row)
        elif operation.name == "stop_gradient":
            if all(each.operation.name == "subtract" for each in self.users.get(id(user), ())):
                return
            self._place(operation.node, operation.node, user)
        elif operation.kind in ("layer", "model"):
            given = operation.node.args if isinstance(operation.node, ast.Call) else []
            self._place(given[0] if given else None, operation.node, user)
        else:
            raise _OTHER

    def _place(self, place: ast.AST | None, call: ast.AST | None, user: Tensor) -> None:
        row = call.args[0] if isinstance(call, ast.Call) and len(call.args) == 1 else None
        frame = user.operation.frame
        if not isinstance(place, ast.expr) or not isinstance(row, ast.Name) or frame is None or frame.path != self.path:
            self.unnamed = True
        else:
            self.places[place] = row

    def named_places(self) -> list[tuple[ast.expr, str]]:
        if self.unnamed:
            raise _OTHER
        return [(place, row.id) for place, row in self.places.items()]

    def returned(self) -> tuple[ast.expr, str, str]:
        """Where the one function that draws the rows near returns them, what it calls them, and what they are near."""
        nodes = [near.operation.node for near in self.near]
        scopes = {function_around(self.program, node, self.path) for node in nodes if node is not None}
        scope = scopes.pop() if len(scopes) == 1 else None
        if not isinstance(scope, ast.FunctionDef):
            raise _OTHER
        ways = [each.value for each in ast.walk(scope) if isinstance(each, ast.Return)]
        way = ways[0] if len(ways) == 1 else None
        names = {self._name_in(row, scope) for row in self.rows}
        row = names.pop() if len(names) == 1 else ""
        parts = way.elts if isinstance(way, ast.Tuple) else [way]
        found = [each for each in parts if isinstance(each, ast.Name) and each.id == row]
        if len(found) != 1 or any(each.lineno >= found[0].lineno for each in _stores(scope, row)):
            raise _OTHER
        return found[0], row, self._near_in(scope)

    def _name_in(self, row: Tensor, scope: ast.AST) -> str:
        statement = self.program.statement(row.operation.node, self.path) if row.operation.node is not None else None
        bound = binding(statement, row.operation.node)
        if bound is None or function_around(self.program, bound.statement, self.path) is not scope:
            raise _OTHER
        return bound.target.id

    def name_of_what_is_near(self, place: ast.expr) -> str:
        """How the function around a place calls what the row is near to."""
        scope = function_around(self.program, place, self.path)
        # The rows may be given the shape of what they are near to, before they are used.
        if scope is None or any(each.lineno >= place.lineno for each in _stores(scope, self.places[place].id)):
            raise _OTHER
        return self._near_in(scope)

    def _near_in(self, scope: ast.AST) -> str:
        names: set[str] = set()
        for stopped in self.near:
            node = stopped.operation.node
            given = node.args[0] if isinstance(node, ast.Call) and len(node.args) == 1 else None
            if isinstance(given, ast.Name) and function_around(self.program, given, self.path) is scope:
                names.add(given.id)
                continue
            source = stopped.operation.inputs[0] if stopped.operation.inputs else None
            made = source.operation.node if isinstance(source, Tensor) else None
            statement = self.program.statement(made, self.path) if made is not None else None
            bound = binding(statement, made)
            if bound is None or function_around(self.program, bound.statement, self.path) is not scope:
                raise _OTHER
            names.add(bound.target.id)
        name = names.pop() if len(names) == 1 else ""
        if not name:
            raise _OTHER
        own = getattr(scope, "args", None)
        handed = own is not None and any(isinstance(each, ast.arg) and each.arg == name for each in ast.walk(own))
        if len(_stores(scope, name)) + handed != 1:
            raise _OTHER
        return name


def _stores(scope: ast.AST, name: str) -> list[ast.Name]:
    named = (each for each in ast.walk(scope) if isinstance(each, ast.Name) and each.id == name)
    return [each for each in named if not isinstance(each.ctx, ast.Load)]
