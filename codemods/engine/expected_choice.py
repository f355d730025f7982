"""What an argmax chooses, by its expectation: all that could be chosen, weighted by their probabilities."""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.endings import Ending
from regrad.analysis.operators import shape_of
from regrad.analysis.program import Program
from regrad.analysis.values import Tensor
from regrad.codemods.engine import imports
from regrad.codemods.engine.binding import binding
from regrad.codemods.engine.broken_paths import argument, operand
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.mixed_rows import is_last_axis
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surrogates import consumers_of
from regrad.codemods.engine.surroundings import function_around
from regrad.codemods.engine.without_slope import is_probable

_OF_AN_INDEX = frozenset({"argmax", "cast", "stack", "getitem", "expand_dims"})
_OTHER = CannotMove("more is made of the index than one choice")


def expected_choice(program: Program, ending: Ending) -> Mending:
    """The sum of all rows or entries by their probabilities; raises `CannotMove` where they are not certain."""
    from regrad.codemods.engine.moving import Rewrite

    choice = _Choice(program, ending)
    whole, text = choice.in_pairs() if choice.name == "gather_nd" else choice.along_an_axis()
    rewrite = Rewrite(program.files[choice.path], choice.tree)
    rewrite.replace(whole, text)
    rewrite.remove(choice.left_over(whole), keep_comments=True)
    why = "a choice has no slope; its expectation has, and the surest still counts most"
    return Mending("take the expectation of what is chosen", Safety.UNSAFE, rewrite.edits(), why)


class _Choice:
    """The argmax, and the one call that looks something up by it."""

    def __init__(self, program: Program, ending: Ending) -> None:
        self.program, self.ending, self.path = program, ending, ending.frame.path
        self.tree = program.trees[self.path]
        operation, node = ending.operation, ending.node
        if operation is None or operation.name != "argmax" or not isinstance(node, ast.Call):
            raise CannotMove("no class is decided for here")
        for value in ending.chain:
            made = value.operation
            if made.name not in _OF_AN_INDEX or (made.name == "argmax" and made.node is not node):
                raise _OTHER
        users = {id(each.operation.node): each for each in consumers_of(ending)}
        user = next(iter(users.values()), None)
        call = user.operation.node if user is not None else None
        if len(users) != 1 or user is None or not isinstance(call, ast.Call) or user.operation.frame is None:
            raise _OTHER
        if user.operation.frame.path != self.path:
            raise _OTHER
        self.argmax, self.user = node, call
        self.name = user.operation.name
        self.scope = function_around(program, node, self.path) or self.tree
        if (function_around(program, call, self.path) or self.tree) is not self.scope:
            raise _OTHER
        scores = argument(node, 0, "input", "x", "a")
        first = operation.inputs[0] if operation.inputs else None
        self.shape = shape_of(first) if first is not None else None
        if scores is None or not isinstance(first, Tensor) or self.shape is None or len(self.shape) != 2:
            raise CannotMove("what the scores are is not certain here")
        if not is_last_axis(ending, node):
            raise CannotMove("only a class decided for along the last axis has known probabilities")
        self.looked_up = shape_of(user.operation.inputs[0]) if user.operation.inputs else None
        text = program.source(scores, self.path)
        self._steady(scores)
        softmax = "" if is_probable(first) else self._say("nn.softmax", "softmax")
        self.shares = f"{softmax}({text})" if softmax else operand(text)
        self.passed: list[ast.Assign] = []

    def in_pairs(self) -> tuple[ast.expr, str]:
        """`gather_nd(table, stack([one, other], axis=-1))`: the row of the one, by the probabilities of the other."""
        table, indices = argument(self.user, 0, "params"), argument(self.user, 1, "indices")
        if table is None or indices is None or len(self.user.args) + len(self.user.keywords) != 2:
            raise _OTHER
        if self.looked_up is None or len(self.looked_up) != 2:
            raise CannotMove("the table is not certainly one of rows and columns")
        pairs = self._behind(indices)
        pair = argument(pairs, 0, "values", "x") if isinstance(pairs, ast.Call) and called(pairs) == "stack" else None
        axis = argument(pairs, 1, "axis") if isinstance(pairs, ast.Call) else None
        if not isinstance(pair, (ast.List, ast.Tuple)) or len(pair.elts) != 2 or axis is None:
            raise _OTHER
        if ast.unparse(axis) not in ("-1", "1"):
            raise _OTHER
        decided = [self._decides(each) for each in pair.elts]
        if decided.count(True) != 1:
            raise _OTHER
        given = pair.elts[decided.index(False)]
        self._steady(given)
        row, rows = self.program.source(given, self.path), self.program.source(table, self.path)
        if decided[0]:
            rows = f"{self._say('transpose')}({rows})"
        text = f"{self._say('gather')}({rows}, {row}) * {self.shares}"
        return self.user, f"{self._sum()}({text}, axis=-1)"

    def along_an_axis(self) -> tuple[ast.expr, str]:
        """One entry of each example's own: `take_along_axis`, or `gather` with `batch_dims=1`."""
        rank = len(self.looked_up) if self.looked_up is not None else 0
        given, indices = argument(self.user, 0, "params", "x", "arr"), argument(self.user, 1, "indices")
        if given is None or indices is None or rank < 2 or self.shape is None or self.looked_up is None:
            raise _OTHER
        if None not in (self.looked_up[1], self.shape[1]) and self.looked_up[1] != self.shape[1]:
            raise _OTHER
        whole: ast.expr = self.user
        kept = False
        if self.name == "take_along_axis":
            axis = argument(self.user, 2, "axis")
            if axis is None or ast.unparse(axis) not in ("1", *(("-1",) if rank == 2 else ())):
                raise _OTHER
            self._lifted(indices, rank)
            whole, kept = self._without_axis()
        elif self.name == "gather":
            stated = {each.arg: ast.unparse(each.value) for each in self.user.keywords}
            options = {key: value for key, value in stated.items() if key not in ("params", "indices")}
            if options not in ({"batch_dims": "1"}, {"batch_dims": "1", "axis": "1"}) or not self._decides(indices):
                raise _OTHER
        else:
            raise _OTHER
        shares = self.shares if rank == 2 else f"{self.shares}[:, :{', None' * (rank - 2)}]"
        rest = ", keepdims=True" if kept else ""
        return whole, f"{self._sum()}({shares} * {operand(self.program.source(given, self.path))}, axis=1{rest})"

    def left_over(self, whole: ast.expr) -> list[ast.stmt]:
        """The statements that nothing asks for any more."""
        gone = set(ast.walk(whole))
        found: list[ast.stmt] = []
        for statement in self.passed:
            target = statement.targets[0]
            assert isinstance(target, ast.Name)
            if all(each in gone for each in self._named(target.id) if isinstance(each.ctx, ast.Load)):
                found.append(statement)
                gone.update(ast.walk(statement))
        return found

    # -- parts --

    def _behind(self, node: ast.expr) -> ast.expr:
        """The expression that a name stands for, casts apart."""
        while True:
            if isinstance(node, ast.Call) and called(node) == "cast" and node.args:
                node = node.args[0]
                continue
            if not isinstance(node, ast.Name):
                return node
            stored = [each for each in self._named(node.id) if not isinstance(each.ctx, ast.Load)]
            made = binding(self.program.statement(stored[0], self.path)) if len(stored) == 1 else None
            if made is None:
                return node
            if made.statement not in self.passed:
                self.passed.append(made.statement)
            node = made.value

    def _decides(self, node: ast.expr) -> bool:
        before = list(self.passed)
        if self._behind(node) is self.argmax:
            return True
        self.passed = before
        return False

    def _lifted(self, indices: ast.expr, rank: int) -> None:
        """The index must be one number for each example, with an axis of size one for each that is looked up in."""
        lifted = self._behind(indices)
        axes = lifted.slice.elts if isinstance(lifted, ast.Subscript) and isinstance(lifted.slice, ast.Tuple) else []
        texts = [ast.unparse(each).rpartition(".")[2] for each in axes]
        plain = texts[:1] == [":"] and all(each in ("None", "newaxis") for each in texts[1:])
        if not isinstance(lifted, ast.Subscript) or not plain or len(texts) != rank or not self._decides(lifted.value):
            raise _OTHER

    def _without_axis(self) -> tuple[ast.expr, bool]:
        """The expression that drops the axis again, and whether none does."""
        around = self.program.parents(self.path).get(self.user)
        if isinstance(around, ast.Subscript) and ast.unparse(around.slice) in ("(:, 0)", ":, 0"):
            return around, False
        if isinstance(around, ast.Call) and called(around) == "squeeze" and argument(around, 0, "x") is self.user:
            axis = argument(around, 1, "axis")
            if axis is not None and ast.unparse(axis) in ("1", "[1]"):
                return around, False
        return self.user, True

    def _steady(self, node: ast.expr) -> None:
        """The names in it must mean the same where the choice is made."""
        for each in ast.walk(node):
            if isinstance(each, ast.Name):
                stores = [one for one in self._named(each.id) if not isinstance(one.ctx, ast.Load)]
                if any(one.lineno >= each.lineno for one in stores):
                    raise CannotMove("the scores have another value where the choice is made")

    def _named(self, name: str) -> list[ast.Name]:
        return [each for each in ast.walk(self.scope) if isinstance(each, ast.Name) and each.id == name]

    def _sum(self) -> str:
        return self._say("reduce_sum", "sum")

    def _say(self, name: str, in_keras: str = "") -> str:
        """A function's name, of the library that the choice is made with."""
        spelled = imports.spelled(self.tree, f"tensorflow.{name}", self.argmax)
        other = imports.spelled(self.tree, f"keras.ops.{in_keras}", self.argmax) if in_keras else None
        written = self.program.source(self.user.func, self.path).rpartition(".")[0]
        if other is not None and (spelled is None or other.rpartition(".")[0] == written):
            return other
        if spelled is None:
            raise CannotMove("the file says neither `tensorflow` nor `keras.ops`")
        return spelled
