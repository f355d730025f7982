"""Moves statements of a function into a block of it, past others, without changing what the program does.

Whatever the moved statements would meet on the way comes along, in its order; where something may not come along, or
the way leads into a loop or a branch that makes a difference, `CannotMove` says why.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from regrad.analysis.events import Applied, GradientTaken, Minimized, ModelCalled, TapeOpened, Trained
from regrad.analysis.program import Program
from regrad.analysis.weights import ATTRIBUTES
from regrad.codemods.engine import moving
from regrad.codemods.engine.effects import Effects, meet, own, path_of, reading_of, swap
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.surroundings import block_of, index_in, owners

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_WITH = (ast.With, ast.AsyncWith)
_WEIGHTS = "(the weights of a model)"


class Passage:
    """The statements of one file on their way into the block of `owner`."""

    def __init__(self, program: Program, owner: ast.stmt, path: str) -> None:
        self.program = program
        self.owner = owner
        self.path = path
        self.around = owners(program, owner, path)
        self.reading = reading_of(program.trees[path])
        self._models = {id(event.node) for event in program.of(ModelCalled)}
        self._training = {
            id(event.node)
            for event in (
                *program.of(GradientTaken),
                *program.of(Applied),
                *program.of(Minimized),
                *program.of(Trained),
            )
        }
        self._tapes = {id(event.statement) for event in program.of(TapeOpened)}

    def bring(self, rewrite: moving.Rewrite, statements: Sequence[ast.stmt]) -> None:
        """Move the statements into the block: those before it to its start, those behind it to its end."""
        lifted: list[ast.stmt] = []
        for statement in statements:
            whole = self._lifted(statement)
            if not any(whole is other for other in lifted):
                lifted.append(whole)
        lifted.sort(key=lambda statement: statement.lineno)
        ahead = [statement for statement in lifted if statement.lineno < self.owner.lineno]
        behind = [statement for statement in lifted if statement.lineno > self.owner.lineno]
        if ahead:
            self._down(rewrite, ahead)
        if behind:
            self._up(rewrite, behind)

    def check_into_loop(self, targets: list[ast.stmt]) -> None:
        """Raise `CannotMove` unless statements that stand ahead of the loops around the owner may run in front of it in
        each turn, and nothing else uses what they give.
        """
        ordered, crossed = self._way(targets[0])
        if any(index_in(ordered, target) is None for target in targets) or not crossed:
            raise CannotMove("the operations stand in several blocks")
        if any(self.reading.of(statement).leaves for statement in ordered):
            raise CannotMove("a `return`, `break` or `continue` stands between the operation and the loop")
        if not all(isinstance(node, _LOOPS) for node in crossed) or self._used_elsewhere(targets, ordered, crossed):
            raise CannotMove("the value is used elsewhere too")

    # -- what a statement is --

    def _lifted(self, statement: ast.stmt) -> ast.stmt:
        """The statement, or the loop or branch that holds it and stands beside the tape: that moves as a whole."""
        parents = self.program.parents(self.path)
        current: ast.AST = statement
        while True:
            parent = parents.get(current)
            if parent is self.owner:
                raise CannotMove("the operation already stands in the tape's block, where the tape does not record")
            if parent is None or any(parent is node for node in self.around):
                break
            current = parent
        if not isinstance(current, ast.stmt) or any(current is node for node in self.around):
            raise CannotMove("the operation stands in another branch than the tape")
        if isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Try)):
            raise CannotMove("the operation stands in a block of its own that cannot move into the tape")
        return current

    def _effects(self, statement: ast.stmt, *, moved: bool = False) -> Effects:
        """The effects; calling a model may draw random numbers (dropout), which matters where it moves or says so."""
        found = self.reading.of(statement)
        for node in own(statement):
            if isinstance(node, ast.Call):
                stated = any(
                    keyword.arg == "training"
                    and isinstance(keyword.value, ast.Constant)
                    and keyword.value.value is True
                    for keyword in node.keywords
                )
                if stated or (moved and id(node) in self._models):
                    found = found._replace(draws=True)
        return found

    def _making_weights(self, statement: ast.stmt, effects: Effects) -> Effects:
        """The effects of a moved statement: a first call may make a model's weights, which are read after it."""
        callees = (path_of(node.func) for node in own(statement) if isinstance(node, ast.Call))
        if any(path is not None and path.partition(".")[0] not in self.reading.modules for path in callees):
            return effects._replace(writes=effects.writes | {_WEIGHTS})
        return effects

    @staticmethod
    def _reading_weights(effects: Effects) -> Effects:
        if any(path.rpartition(".")[2] in ATTRIBUTES for path in effects.reads):
            return effects._replace(reads=effects.reads | {_WEIGHTS})
        return effects

    def _trains(self, statement: ast.stmt) -> bool:
        return any(id(node) in self._training or id(node) in self._tapes for node in ast.walk(statement))

    # -- from before the block --

    def _down(self, rewrite: moving.Rewrite, targets: list[ast.stmt]) -> None:
        ordered, crossed = self._way(targets[0])
        if any(index_in(ordered, target) is None for target in targets):
            raise CannotMove("the operation stands in another branch than the tape")
        if any(self.reading.of(statement).leaves for statement in ordered):
            raise CannotMove("a `return`, `break` or `continue` stands between the operation and the tape")
        if not all(isinstance(node, _WITH) for node in crossed):
            self._into_other_block(rewrite, targets, ordered, crossed)
            return
        moved: list[ast.stmt] = []
        passed: list[Effects] = []
        for statement in ordered:
            asked = index_in(targets, statement) is not None
            here = self._reading_weights(self._effects(statement))
            if asked or not all(swap(effects, here) for effects in passed):
                if not asked:
                    self._may_follow(statement)
                moved.append(statement)
                passed.append(self._making_weights(statement, self._effects(statement, moved=True)))
        rewrite.move(moved, behind_watches(self.owner))

    def _may_follow(self, statement: ast.stmt) -> None:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            raise CannotMove("a function or class that is defined in between uses the value")
        if self._trains(statement):
            raise CannotMove("another training step in between uses the value or changes what it is computed from")

    def _way(self, first: ast.stmt) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """The statements from the first one to the tape, and the blocks into which the way leads."""
        ordered: list[ast.stmt] = []
        crossed: list[ast.stmt] = []
        block = block_of(self.program, first, self.path)
        start = index_in(block, first) or 0
        for node in reversed([self.owner, *(node for node in self.around if isinstance(node, ast.stmt))]):
            position = index_in(block, node)
            if position is None:
                continue
            ordered.extend(block[start:position])
            if node is self.owner:
                return ordered, crossed
            crossed.append(node)
            inner = self._block_towards(node)
            if inner is None:
                break
            block, start = inner, 0
        raise CannotMove("the operation stands in another branch than the tape")

    def _block_towards(self, node: ast.stmt) -> list[ast.stmt] | None:
        """The block of `node` that holds the tape."""
        holders = (self.owner, *self.around)
        for _, value in ast.iter_fields(node):
            if isinstance(value, list) and any(item is holder for item in value for holder in holders):
                return value
        return None

    def _into_other_block(
        self, rewrite: moving.Rewrite, targets: list[ast.stmt], ordered: list[ast.stmt], crossed: list[ast.stmt]
    ) -> None:
        """Into a loop or branch around the tape: what is computed there depends on nothing that changes on the way."""
        if self._used_elsewhere(targets, ordered, crossed):
            rewrite.copy(targets, behind_watches(self.owner))
        else:
            rewrite.move(targets, behind_watches(self.owner))

    def _used_elsewhere(self, targets: list[ast.stmt], ordered: list[ast.stmt], crossed: list[ast.stmt]) -> bool:
        """Whether the values are also used where they stay as they were; raises `CannotMove` where they would be others
        in there.
        """
        looping = any(isinstance(node, _LOOPS) for node in crossed)
        reads: set[str] = set()
        writes: set[str] = set()
        for target in targets:
            effects = self.reading.of(target)
            if effects.prints or effects.draws:
                raise CannotMove("it prints or draws random numbers, which would happen at another time in there")
            if meet(effects.writes, effects.reads - writes):
                raise CannotMove("it changes a value that it reads, so it cannot run more than once")
            reads |= effects.reads - writes
            writes |= effects.writes
        others = [statement for statement in ordered if index_in(targets, statement) is None]
        if any(meet(self.reading.of(statement).writes, reads) for statement in others):
            raise CannotMove("what it is computed from changes between here and the tape")
        if looping:
            rebound = {name for node in crossed for name in _bound(node)}
            if meet(rebound, reads):
                raise CannotMove(
                    "the loop around the tape binds a name that it reads, so it would compute something else there"
                )
        inside = [node for statement in crossed for node in ast.walk(statement)]
        taken = {id(node) for statement in (*targets, self.owner, *self._following()) for node in ast.walk(statement)}
        scope = next((node for node in self.around if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))), None)
        uses = [node for node in self._uses(scope or self.program.trees[self.path], writes) if id(node) not in taken]
        here = {id(node) for node in inside}
        if any(id(node) in here for node in uses):
            raise CannotMove("the value is used in other parts of the loop or branch around the tape too")
        if uses and not looping:
            raise CannotMove("the value is used elsewhere too, where the tape does not run")
        return bool(uses)

    def _following(self) -> list[ast.stmt]:
        """What runs right behind the block of the tape."""
        block = block_of(self.program, self.owner, self.path)
        return block[(index_in(block, self.owner) or 0) + 1 :]

    @staticmethod
    def _uses(scope: ast.AST, paths: Iterable[str]) -> list[ast.AST]:
        wanted = set(paths)
        return [
            node
            for node in ast.walk(scope)
            if isinstance(node, (ast.Name, ast.Attribute))
            and isinstance(node.ctx, ast.Load)
            and (path_of(node) or "") in wanted
        ]

    # -- from behind the block --

    def _up(self, rewrite: moving.Rewrite, targets: list[ast.stmt]) -> None:
        block = block_of(self.program, self.owner, self.path)
        positions = [index_in(block, target) for target in targets]
        if any(position is None for position in positions):
            raise CannotMove(
                "the operation stands in another block than the tape, so moving it would change when it runs"
            )
        last = max(position for position in positions if position is not None)
        between = block[(index_in(block, self.owner) or 0) + 1 : last + 1]
        if any(self.reading.of(statement).leaves for statement in between):
            raise CannotMove("a `return`, `break` or `continue` stands between the tape and the operation")
        moved: list[ast.stmt] = []
        passed: list[Effects] = []
        for statement in reversed(between):
            asked = index_in(targets, statement) is not None
            if asked or not all(swap(self._effects(statement), effects) for effects in passed):
                if not asked:
                    self._may_follow(statement)
                moved.append(statement)
                passed.append(self._effects(statement, moved=True))
        moved.reverse()
        rewrite.move(moved, moving.at_end(self.owner))


def _bound(node: ast.AST) -> set[str]:
    """The names that code binds anywhere inside."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load)}


def behind_watches(owner: ast.AST) -> moving.Place:
    """The start of a tape's block, behind the calls that say what it watches."""
    last: ast.stmt | None = None
    for statement in getattr(owner, "body", ()):
        if not (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Call)
            and isinstance(statement.value.func, ast.Attribute)
            and statement.value.func.attr == "watch"
        ):
            break
        last = statement
    return moving.at_start(owner) if last is None else moving.after(last)
