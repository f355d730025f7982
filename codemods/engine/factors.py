"""What the factors of a matrix are used for, asked of the matrix itself: `tf.linalg.lu` has no gradient, these have."""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.endings import Ending
from regrad.analysis.operators import shape_of
from regrad.analysis.program import Program
from regrad.codemods.engine import imports
from regrad.codemods.engine.broken_paths import argument
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Mending, Safety
from regrad.codemods.engine.surroundings import function_around, loaded

_OTHER = CannotMove("the factors are used for more than a determinant, a solution or an inverse")


def without_factors(program: Program, ending: Ending) -> Mending:
    """The determinant, the solution or the inverse in one call; raises `CannotMove` where other things are asked."""
    from regrad.codemods.engine.moving import Rewrite

    call, path = ending.node, ending.frame.path
    matrix = argument(call, 0, "input") if isinstance(call, ast.Call) else None
    if matrix is None or not isinstance(call, ast.Call) or len(call.args) + len(call.keywords) != 1:
        raise CannotMove("the call is not written out here")
    uses = _Uses(program, call, matrix, path, _rank(ending))
    rewrite = Rewrite(program.files[path], program.trees[path])
    for place, text in uses.texts.items():
        rewrite.replace(place, text)
    rewrite.remove(uses.leaving, keep_comments=True)
    why = "TensorFlow computes it from the same factors, and knows its slope"
    return Mending("ask for what the factors are used for", Safety.SAFE, rewrite.edits(), why)


def _rank(ending: Ending) -> int | None:
    """How many axes the matrix has, with those of a batch."""
    operation = ending.operation
    shape = shape_of(operation.inputs[0]) if operation is not None and operation.inputs else None
    return len(shape) if shape is not None else None


class _Uses:
    """Every use of the factors: what takes its place, and the statements that nothing asks for any more."""

    def __init__(self, program: Program, call: ast.Call, matrix: ast.expr, path: str, rank: int | None) -> None:
        self.program, self.path, self.call, self.rank = program, path, call, rank
        self.parents = program.parents(path)
        self.scope = function_around(program, call, path) or program.trees[path]
        self.matrix, self.asked = program.source(matrix, path), loaded(matrix)
        self.simple = isinstance(matrix, (ast.Name, ast.Attribute))
        self.texts: dict[ast.expr, str] = {}
        self.leaving: list[ast.stmt] = []
        for factors in self._named():
            self._ask(factors)
        if not self.texts or (len(self.texts) > 1 and not self.simple):
            raise _OTHER

    def _named(self) -> list[ast.expr]:
        """The expressions that stand for the triangular factors; the order of the rows stands beside them only."""
        around = self.parents.get(self.call)
        first = isinstance(around, ast.Subscript) and isinstance(around.slice, ast.Constant) and around.slice.value == 0
        if isinstance(around, ast.Attribute) and around.attr == "lu":
            first = True
        if first and isinstance(around, (ast.Subscript, ast.Attribute)):
            return [around]
        target = around.targets[0] if isinstance(around, ast.Assign) and len(around.targets) == 1 else None
        if not isinstance(target, (ast.Tuple, ast.List)) or len(target.elts) != 2 or not isinstance(around, ast.Assign):
            raise CannotMove("give the factors names of their own")
        names = [each.id for each in target.elts if isinstance(each, ast.Name)]
        if len(names) != 2 or names[0] == names[1]:
            raise CannotMove("give the factors names of their own")
        factors, order = (self._loads(name, around) for name in names)
        beside = [argument(self._call_around(each), 1, "perm") for each in factors if self._solves(each)]
        if any(not any(each is given for given in beside) for each in order):
            raise _OTHER
        self.leaving.append(around)
        return factors

    def _loads(self, name: str, statement: ast.stmt) -> list[ast.expr]:
        """Where a name that the statement alone binds is read, all of it in the same function and behind it."""
        named = [each for each in ast.walk(self.scope) if isinstance(each, ast.Name) and each.id == name]
        loads: list[ast.expr] = [each for each in named if isinstance(each.ctx, ast.Load)]
        if name == "_":
            # What nobody reads may be bound as often as one likes.
            if loads:
                raise _OTHER
            return []
        if len(named) != len(loads) + 1 or any(each.lineno <= statement.lineno for each in loads):
            raise _OTHER
        if any(function_around(self.program, each, self.path) is not self._function(statement) for each in loads):
            raise _OTHER
        return loads

    def _function(self, node: ast.AST) -> ast.AST | None:
        return function_around(self.program, node, self.path)

    def _call_around(self, node: ast.expr) -> ast.Call:
        around = self.parents.get(node)
        if not isinstance(around, ast.Call) or around.func is node:
            raise _OTHER
        return around

    def _solves(self, factors: ast.expr) -> bool:
        around = self.parents.get(factors)
        return isinstance(around, ast.Call) and called(around) in ("lu_solve", "lu_matrix_inverse")

    def _ask(self, factors: ast.expr) -> None:
        call = self._call_around(factors)
        self._unchanged(call)
        name = called(call)
        if self._solves(factors):
            right = argument(call, 2, "rhs")
            if argument(call, 0, "lower_upper") is not factors or argument(call, 1, "perm") is None:
                raise _OTHER
            if name == "lu_matrix_inverse" and len(call.args) + len(call.keywords) == 2:
                self.texts[call] = f"{self._say('linalg.inv')}({self.matrix})"
            elif name == "lu_solve" and right is not None and len(call.args) + len(call.keywords) == 3:
                text = self.program.source(right, self.path)
                self.texts[call] = f"{self._say('linalg.solve')}({self.matrix}, {text})"
            else:
                raise _OTHER
            return
        if name not in ("diag_part", "matrix_diag_part") or len(call.args) + len(call.keywords) != 1:
            raise _OTHER
        self._determinant(self._outer(call))

    def _determinant(self, outer: ast.Call) -> None:
        """`reduce_sum(log(abs(diagonal)))`, or what has the absolute value of `reduce_prod(diagonal)`."""
        logarithm = "log" if called(outer) == "abs" else ""
        if logarithm:
            outer = self._outer(self._plain(outer))
            if called(outer) != "log":
                raise _OTHER
            whole, axis = self._reduced(self._outer(self._plain(outer)), "reduce_sum")
            text = f"{self._say('linalg.slogdet')}({self.matrix})[1]"
        else:
            product, axis = self._reduced(outer, "reduce_prod")
            # The sign of the product is another than that of the determinant where rows were exchanged.
            sign = CannotMove("the product of the diagonal has the determinant's size, and not always its sign")
            try:
                whole = self._plain(self._outer(product))
            except CannotMove:
                raise sign from None
            if called(whole) != "abs":
                raise sign
            text = f"{self._say('abs')}({self._say('linalg.det')}({self.matrix}))"
        if not axis and self.rank != 2:
            if not logarithm:
                raise _OTHER
            text = f"{self._say('reduce_sum')}({text})"
        self._unchanged(whole)
        self.texts[whole] = text

    def _reduced(self, call: ast.Call, name: str) -> tuple[ast.Call, bool]:
        """The reduction over the diagonal, and whether it names the last axis."""
        axis = argument(call, 1, "axis")
        if called(call) != name or len(call.args) + len(call.keywords) != 1 + (axis is not None):
            raise _OTHER
        if axis is not None and ast.unparse(axis) not in ("-1", "[-1]"):
            raise _OTHER
        return call, axis is not None

    def _plain(self, call: ast.Call) -> ast.Call:
        if len(call.args) != 1 or call.keywords:
            raise _OTHER
        return call

    def _outer(self, node: ast.expr) -> ast.Call:
        """The call that is given a value, also by way of a name that nothing else reads."""
        around = self.parents.get(node)
        if isinstance(around, ast.Assign) and len(around.targets) == 1 and isinstance(around.targets[0], ast.Name):
            uses = self._loads(around.targets[0].id, around)
            if len(uses) != 1:
                raise _OTHER
            self.leaving.append(around)
            return self._call_around(uses[0])
        call = self._call_around(node)
        if not call.args or call.args[0] is not node:
            raise _OTHER
        return call

    def _unchanged(self, use: ast.expr) -> None:
        """Nothing may give the matrix another value between the factors and their use."""
        first, last = self.call.lineno, use.lineno
        for each in ast.walk(self.scope):
            at = getattr(each, "lineno", 0)
            if not first < at <= last:
                continue
            if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load) and each.id in self.asked:
                raise _OTHER
            changed = isinstance(each, ast.Attribute) and (
                each.attr.startswith("assign") or each.attr in ("apply_gradients", "apply")
            )
            if changed or (isinstance(each, ast.Attribute) and not isinstance(each.ctx, ast.Load)):
                raise _OTHER
            if isinstance(each, (ast.For, ast.While)) and not self._alike(each):
                raise _OTHER

    def _alike(self, loop: ast.AST) -> bool:
        return any(each is self.call for each in ast.walk(loop))

    def _say(self, name: str) -> str:
        spelled = imports.spelled(self.program.trees[self.path], f"tensorflow.{name}", self.call)
        if spelled is None:
            raise CannotMove("the file does not say `tensorflow`")
        return spelled
