"""RG505 integer-path: what is to be trained or differentiated holds integers.

What it does
------------
Reports integer variables (`tf.Variable(3)`, `dtype=tf.int32`, also through a constant of the module), integer tensors
that a tape watches, casts of them to integers, and casts of a prediction that the loss computes with
(`tf.cast(pred, tf.int32) - labels`), where no gradient can come back through them.

Why gradients stop
------------------
A gradient is defined for floating point only. The tape ignores integer variables without a word, `tape.watch` warns
once, every operation on integers gives integers, and `tape.gradient` answers `None`.

Example
-------
Broken::

    x = tf.constant(3)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x

Mended::

    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x

The fix and its safety
----------------------
Safe: the dtype is mended where it is declared (the literal, the `dtype` argument, the constant that holds it), and
other integers that meet the value on the way become floating point as well. The numbers stay what they were. Unsafe
where `//` is on the way, since it may now give fractions' floors of other numbers, and where the cast of a prediction
goes. A dtype that comes from elsewhere (an argument, an attribute) is left to the author.

When it stays silent
--------------------
For integers that are meant to be integers: labels, indices, masks, step counters, embeddings' inputs, seeds, and
integer variables that nobody asks a gradient of. Integers made of a prediction that decide something (an index, a
comparison, a count) are RG501's.

References
----------
"Gradients return None: took gradients through an integer or string": https://www.tensorflow.org/guide/autodiff
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator

from regrad.analysis.callee import called
from regrad.analysis.cut import CutKind
from regrad.analysis.endings import Ending, endings
from regrad.analysis.frames import Frame
from regrad.analysis.operations import INTEGER_DTYPES, is_integer, lookup
from regrad.analysis.program import Program
from regrad.analysis.values import Collection, Tensor, Value, Variable
from regrad.codemods.engine import imports
from regrad.codemods.engine.broken_paths import argument, finding
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.operations_of import tensors
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Rule, Safety, Withheld

CODE, NAME = "RG505", "integer-path"
_DTYPE_PLACES = {
    "Variable": 4,
    "constant": 1,
    "cast": 1,
    "zeros": 1,
    "ones": 1,
    "placeholder": 0,
    "get_variable": 2,
    "add_weight": 2,
}
_TAKES_DTYPE = frozenset(_DTYPE_PLACES) | frozenset(
    "arange array asarray convert_to_tensor empty eye full identity ones_like range zeros_like".split()
)
"""Calls that make numbers of the dtype that they are given. Others (`reshape`, `randint`) have no such argument, or
take no floating point for it."""
_ARITHMETIC = frozenset(
    "add subtract multiply divide truediv negative abs square cast pow reduce_sum reduce_mean".split()
)
_PARTS = frozenset("getitem reshape squeeze expand_dims transpose clip_by_value maximum minimum".split())
_DEEPEST = 6


def detect(program: Program) -> Iterator[Finding]:
    """Endings at a source that holds integers, or at a cast of a source."""
    for ending in endings(program):
        if ending.kind is CutKind.INTEGER and concerns(program, ending):
            if ending.value in ending.lost:
                says = "holds integers, and integers have no gradient: none reaches {lost}"
            else:
                says = "makes integers of it, and integers have no gradient: none reaches {lost}"
            yield finding(program, CODE, NAME, ending, says)


def concerns(program: Program, ending: Ending) -> bool:
    """Whether the integers are declared, or made by a cast and computed with as numbers (this rule's matter). Integers
    that decide something, as an index or in a comparison, are meant to be whole; that no slope passes there is RG501's.
    """
    if _declared(ending):
        return True
    return _is_cast(ending) and not _selects(ending) and _is_computed_with(program, ending.value)


def _is_computed_with(program: Program, value: Value) -> bool:
    """Whether whatever uses the integers, in part or as a whole, computes with them."""
    users = [each for each in tensors(program) if any(part is value for part in each.operation.inputs)]
    return bool(users) and all(
        _is_computed_with(program, each) if each.operation.name in _PARTS else each.operation.name in _ARITHMETIC
        for each in users
    )


def _declared(ending: Ending) -> bool:
    if any(ending.value is source for source in ending.lost):
        return True
    operation = ending.operation
    direct = operation is not None and any(part is source for part in operation.inputs for source in ending.lost)
    return direct and _is_cast(ending) and not _selects(ending)


def _is_cast(ending: Ending) -> bool:
    return ending.operation is not None and ending.operation.name == "cast"


def _selects(ending: Ending) -> bool:
    return any(value.operation.name in ("selector", "one_hot", "Embedding index") for value in ending.chain)


def mend(program: Program, found: Finding) -> Mendings:
    """Make it floating point where it is declared, and what it meets on the way."""
    from regrad.codemods.engine.moving import Rewrite

    ending: Ending = found.evidence
    if not _declared(ending):
        from regrad.codemods import non_differentiable_operation

        return non_differentiable_operation.mend(program, found)
    floats = _Floats(program)
    try:
        floats.declare(ending.node, ending.frame, ending.value)
        for value in ending.chain:
            floats.meet(value, ending)
        edits: list[Edit] = []
        for path, replaced in sorted(floats.replaced.items()):
            rewrite = Rewrite(program.files[path], program.trees[path])
            for node, text in replaced.items():
                rewrite.replace(node, text)
            edits.extend(rewrite.edits())
    except CannotMove as problem:
        return Withheld(problem.reason, "dtype=tf.float32")
    whole = any(value.operation.name in ("floordiv", "floor_divide") for value in ending.chain)
    if whole:
        return (Mending("use floating point", Safety.UNSAFE, tuple(edits), "`//` is on the way"),)
    return (Mending("use floating point", Safety.SAFE, tuple(edits), "the numbers stay the same"),)


class _Floats:
    """Collects what has to read differently for values to be floating point."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.replaced: dict[str, dict[ast.expr, str]] = {}

    def declare(self, node: ast.AST, frame: Frame, value: Value) -> None:
        """Make the value that this call makes floating point; raises `CannotMove`."""
        path = frame.path
        if not isinstance(node, ast.Call):
            raise CannotMove("where the integers come from is not written out here")
        if isinstance(value, Tensor) and value.operation.kind == "data":
            raise CannotMove("the integers are data, which another call than this one makes")
        name = called(node)
        place = _DTYPE_PLACES.get(name, 99)
        stated = argument(node, place, "dtype") if place < 99 else argument(node, 99, "dtype")
        if stated is not None:
            self._dtype(stated, path, 0)
            return
        if isinstance(value, Tensor) and name not in _TAKES_DTYPE:
            if value.numpy:
                self._put(path, node, f'{self.program.source(node, path)}.astype("float32")')
            else:
                self._cast(node, path)
            return
        first = argument(node, 0, "initial_value", "value", "start", "initializer")
        if isinstance(value, Variable) and isinstance(value.initial, Tensor):
            initial = value.initial
            if initial.operation.node is first and initial.operation.frame is not None and isinstance(first, ast.Call):
                if initial.numpy:
                    self._add_dtype(node, path)
                else:
                    self.declare(first, initial.operation.frame, initial)
                return
            if initial.numpy:
                self._add_dtype(node, path)
                return
            if first is not None:
                self._cast(first, path)
                return
        if first is None:
            raise CannotMove("its dtype is not stated in the call that makes it")
        self._number(node, first, path, value)

    def _number(self, call: ast.Call, first: ast.expr, path: str, value: Value) -> None:
        inner = first.operand if isinstance(first, ast.UnaryOp) else first
        counts = isinstance(call.func, ast.Attribute) and call.func.attr == "range"
        if isinstance(inner, ast.Constant) and type(inner.value) is int and not counts:
            self._put(path, inner, f"{self.program.source(inner, path)}.0")
            return
        initial = value.initial if isinstance(value, Variable) else None
        if isinstance(inner, ast.Name) and not isinstance(initial, Collection):
            bound = self._bound(inner.id, path)
            if bound is not None and isinstance(bound[0], ast.Constant) and type(bound[0].value) is int:
                self._put(bound[1], bound[0], f"{self.program.source(bound[0], bound[1])}.0")
                return
        self._add_dtype(call, path)

    def _add_dtype(self, call: ast.Call, path: str) -> None:
        from regrad.codemods.engine import arguments

        changed = arguments.changed_call(
            self.program.files[path], call, [arguments.Set("dtype", self._float(path, call))]
        )
        self._put(path, call, changed)

    def _dtype(self, node: ast.expr, path: str, depth: int) -> None:
        """A dtype expression, through the constants that hold it."""
        if isinstance(node, ast.Constant) and node.value in INTEGER_DTYPES:
            text = self.program.source(node, path)
            self._put(path, node, text.replace(str(node.value), "float32"))
        elif isinstance(node, ast.Attribute) and is_integer(node.attr.rstrip("_")):
            self._put(path, node, f"{self.program.source(node.value, path)}.float32")
        elif isinstance(node, ast.Name) and depth < _DEEPEST:
            if node.id == "int":
                self._put(path, node, "float")
                return
            bound = self._bound(node.id, path)
            if bound is None:
                raise CannotMove(f"`{node.id}`, its dtype, is not set at one place of the program")
            self._dtype(bound[0], bound[1], depth + 1)
        else:
            raise CannotMove(f"its dtype comes from `{self.program.source(node, path)}`")

    def _bound(self, name: str, path: str) -> tuple[ast.expr, str] | None:
        """The one expression that a name stands for, in this file or in the module that it is imported from."""
        tree = self.program.trees[path]
        values: list[ast.expr] = []
        bound = 0
        for node in ast.walk(tree):
            if isinstance(node, ast.arg) and node.arg == name:
                return None
            if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load):
                bound += 1
            targets: list[ast.expr] = []
            if isinstance(node, ast.Assign):
                targets = node.targets
            elif isinstance(node, ast.AnnAssign):
                targets = [node.target]
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                values.extend(node.value for each in targets if isinstance(each, ast.Name) and each.id == name)
        if bound > 1:
            return None
        if len(values) == 1:
            return values[0], path
        for statement in tree.body:
            if (
                isinstance(statement, ast.ImportFrom)
                and statement.module
                and any(alias.name == name and not alias.asname for alias in statement.names)
            ):
                module = statement.module.rpartition(".")[2]
                for other in self.program.trees:
                    if other != path and os.path.basename(other) in (f"{module}.py",):
                        return self._bound(name, other)
        return None

    def meet(self, value: Tensor, ending: Ending) -> None:
        """Other integers that this operation on the way combines the value with."""
        operation = value.operation
        if operation.kind not in ("op", "operator") or operation.frame is None or operation.node is None:
            return
        node, path = operation.node, operation.frame.path
        known = lookup(operation.name)
        # Of `tf.gather` and its like the other arguments choose elements, and stay integers.
        positions = known.positions if known is not None and known.positions is not None else (0, 1)
        for position, part in zip(positions, operation.inputs, strict=False):
            if not isinstance(part, (Tensor, Variable)) or any(part is each for each in (*ending.chain, ending.value)):
                continue
            if not _holds_integers(part):
                continue
            made = part.operation if isinstance(part, Tensor) else None
            maker, frame = (
                (made.node, made.frame)
                if made is not None
                else (part.node if isinstance(part, Variable) else None, getattr(part, "frame", None))
            )
            numpy = isinstance(part, Tensor) and part.numpy
            if (
                not numpy
                and isinstance(maker, ast.Call)
                and frame is not None
                and (made is None or made.kind in ("constant", "input") or made.name == "cast")
            ):
                self.declare(maker, frame, part)
                continue
            written = _operand(node, position)
            if written is not None and (made is None or made.kind not in ("data", "input")):
                self._cast(written, path)

    def _cast(self, node: ast.expr, path: str) -> None:
        cast = imports.spelled(self.program.trees[path], ["tensorflow.cast", "tensorflow.compat.v1.cast"], node)
        if cast is None:
            raise CannotMove("TensorFlow is not imported where a cast is needed")
        self._put(path, node, f"{cast}({self.program.source(node, path)}, {self._float(path, node)})")

    def _float(self, path: str, node: ast.AST) -> str:
        return (
            imports.spelled(self.program.trees[path], ["tensorflow.float32", "tensorflow.compat.v1.float32"], node)
            or '"float32"'
        )

    def _put(self, path: str, node: ast.expr, text: str) -> None:
        self.replaced.setdefault(path, {})[node] = text


def _holds_integers(value: Value) -> bool:
    if isinstance(value, Tensor):
        return is_integer(value.dtype)
    return isinstance(value, Variable) and is_integer(value.fields.get("dtype"))


def _operand(node: ast.AST, position: int) -> ast.expr | None:
    if isinstance(node, ast.BinOp):
        return (node.left, node.right)[position]
    if isinstance(node, ast.Call) and position < len(node.args):
        return node.args[position]
    return None


RULE = Rule(CODE, NAME, "safe", "the numbers stay what they were; only their type has a gradient now", detect, mend)
