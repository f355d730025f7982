"""Differentiable stand-ins: the text of code in which decisions, rounding and indices give way to what has a slope.

A `Softener` is given all the tensors that carry no gradient (the chain of an ending) and rewrites the expressions
that make them, from the inside out: `x > 0.5` becomes a sigmoid, `a & b` a product, `round(x)` the number itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from regrad.analysis.callee import called
from regrad.analysis.endings import Ending
from regrad.analysis.flow import Flow
from regrad.analysis.operations import FLOAT_DTYPES, is_integer
from regrad.analysis.program import Program
from regrad.analysis.source import SourceFile
from regrad.analysis.values import Constant, Tensor, Unknown, Value
from regrad.codemods.engine import imports, soft_choices, soft_comparisons, soft_orders, soft_pairs
from regrad.codemods.engine.broken_paths import argument, operand, outermost, text_of
from regrad.codemods.engine.rule import Edit
from regrad.codemods.engine.without_slope import (
    COMPARING,
    ROUNDING,
    WITHOUT,
    NoSurrogate,
    made_by,
    number,
    selector,
)

_CHOOSING = frozenset({"where", "select"})
_SELECTING = frozenset(
    {
        "gather",
        "gather_nd",
        "take",
        "take_along_axis",
        "boolean_mask",
        "embedding_lookup",
        "selector",
        "Embedding index",
    }
)
_DECIDING = COMPARING | ROUNDING | {"argmax", "argmin", "one_hot", "sign", ""}
_FLAT = frozenset({"ones_like", "zeros_like", "shape", "size", "rank"})
"""What takes no more than the shape of its input."""
_STRUCTURE = frozenset({"model", "join", "index_join"})


class Softener:
    """Rewrites one file's share of a chain. `direct` takes a probability for its decision; else a sigmoid is used."""

    def __init__(self, program: Program, ending: Ending, path: str, direct: bool) -> None:
        self.program = program
        self.ending = ending
        self.path = path
        self.source: SourceFile = program.files[path]
        self.tree = program.trees[path]
        self.direct = direct
        self.chain = {id(value): value for value in ending.chain}
        self.nodes: dict[ast.AST, Tensor] = {}
        self.used_sigmoid = False
        self.counting: dict[ast.expr, str] = {}
        """Ranges of whole numbers that are to count in floating point."""
        self.used_direct = False
        self.left_over: list[ast.expr] = []
        """What nobody asks for any more."""
        self.imported: tuple[Edit, ...] = ()
        consumers = list(consumers_of(ending))
        soft_pairs.refuse_what_belongs_together((*ending.chain, *consumers))
        decided = self._deciding((*ending.chain, *consumers))
        for value in (*ending.chain, *consumers):
            operation = value.operation
            if id(value) in decided:
                continue
            if operation.kind in _STRUCTURE or operation.frame is None or operation.frame.path != path:
                continue
            if id(value) not in self.chain and operation.name in _SELECTING and not soft_choices.mixes(operation):
                raise NoSurrogate(*WITHOUT[selector(operation)])
            if operation.kind == "layer" and id(value) not in self.chain and operation.name == "Embedding":
                raise NoSurrogate(*WITHOUT["Embedding index"])
            changes = id(value) in self.chain or operation.name in _CHOOSING or operation.name in _SELECTING
            if changes and isinstance(operation.node, ast.expr):
                self.nodes.setdefault(operation.node, value)

    def _deciding(self, values: Sequence[Tensor]) -> set[int]:
        """The choices between values that have a slope once the chain is mended, and the conditions of these alone: a
        choice passes the slope of what it takes.
        """
        found = {
            id(value)
            for value in values
            if value.operation.name in _CHOOSING and any(map(self._has_slope, value.operation.inputs[:-1]))
        }
        for value in values:
            condition = value.operation.inputs[-1] if id(value) in found and value.operation.inputs else None
            if isinstance(condition, Tensor) and condition.operation.name in COMPARING:
                users = (each for each in values if any(part is condition for part in each.operation.inputs))
                if all(id(user) in found for user in users):
                    found.add(id(condition))
        return found

    def _has_slope(self, value: Value) -> bool:
        """Whether a value is computed from something in the chain that is a number, and no decision."""
        waiting, seen = [value], set[int]()
        while waiting:
            current = waiting.pop()
            if id(current) in seen or not isinstance(current, Tensor) or current.operation.name in _FLAT:
                continue
            seen.add(id(current))
            if id(current) in self.chain:
                made = made_by(current)
                if made not in _DECIDING and not made.startswith("logical_"):
                    return True
            waiting.extend(current.operation.inputs)
        return False

    def replacements(self) -> dict[ast.expr, str]:
        """The expressions to replace, with their new texts; raises `NoSurrogate`."""
        found: dict[ast.expr, str] = {}
        parents = self.program.parents(self.path)
        for node in outermost(self.tree, self.nodes):
            assert isinstance(node, ast.expr)
            if soft_orders.left_over(self, node):
                self.left_over.append(node)
                continue
            text = self.soft(node)
            ordered = self.nodes[node].operation.name == "argsort"
            parent = parents.get(node)
            while isinstance(parent, ast.Call) and argument(parent, 0, "x") is node and self._casts_to_float(parent):
                node, parent = parent, parents.get(parent)
            assert isinstance(node, ast.expr)
            counted = soft_orders.counted_from_one(text, parent, node) if ordered else None
            if counted is not None and isinstance(parent, ast.expr):
                node, text = parent, counted
            if text != text_of(self.source, node):
                found[node] = text
        if not found:
            raise NoSurrogate("there is nothing to soften here")
        found.update(self.counting)
        return found

    # -- texts --

    def soft(self, node: ast.expr) -> str:
        """The text of an expression with a slope."""
        value = self.nodes.get(node)
        if value is None:
            inner = {each: self.soft(each) for each in outermost(node, self.nodes) if isinstance(each, ast.expr)}
            return text_of(self.source, node, {each: self._inside(each, text) for each, text in inner.items()})
        operation = value.operation
        name = operation.name
        if operation.kind == "metric":
            return soft_comparisons.accuracy(self, node, name)
        if name == "confusion_matrix":
            return soft_choices.counted_pairs(self, node, operation)
        if operation.kind in ("numpy", "conversion") or (name in WITHOUT and name != "argsort"):
            raise NoSurrogate(*WITHOUT.get(name, ("nothing of the same kind has a slope", "")))
        if name == "argsort":
            return soft_orders.ranked(self, node)
        if name in ROUNDING:
            return self._rounded(node, name)
        if name in ("floordiv", "floor_divide"):
            one, other = self.operands(node)
            return f"{operand(self.soft(one))} / {operand(self.soft(other))}"
        if name in COMPARING:
            return soft_comparisons.compared(self, node, operation)
        if name in soft_pairs.LOGICAL:
            return soft_pairs.combined(self, node, operation)
        if name == "logical_not":
            negated = node.operand if isinstance(node, ast.UnaryOp) else self.argument(node, 0, "x")
            return f"1.0 - {operand(self.soft(negated))}"
        if name == "sign":
            return f"{self.say('tanh')}({self.soft(self.argument(node, 0, 'x'))})"
        if name == "cast" and isinstance(node, ast.Call):
            return self.soft(self.argument(node, 0, "x"))
        if name in ("argmax", "argmin"):
            return soft_choices.index(self, node, operation)
        if name == "one_hot":
            return soft_choices.one_hot(self, node, operation)
        if name in _CHOOSING:
            return soft_choices.chosen(self, node)
        if name in _SELECTING:
            return soft_choices.mixed(self, node, operation)
        if name == "count_nonzero":
            return f"{self.say('reduce_sum')}({self.soft(self.argument(node, 0, 'input', 'x'))})"
        if name in ("reduce_any", "reduce_all", "any", "all"):
            raise NoSurrogate("whether any or all are true has no slope", "tf.reduce_max(soft) or tf.reduce_min(soft)")
        if isinstance(node, ast.BinOp) and len(operation.inputs) == 2:
            parts = {
                side: self.as_float(side, value)
                for side, value in zip((node.left, node.right), operation.inputs, strict=True)
            }
            return text_of(
                self.source,
                node,
                {side: self._inside(side, text) for side, text in parts.items() if text != text_of(self.source, side)},
            )
        children = [each for child in ast.iter_child_nodes(node) for each in outermost(child, self.nodes)]
        texts = {each: self._inside(each, self.soft(each)) for each in children if isinstance(each, ast.expr)}
        return text_of(self.source, node, texts)

    def _inside(self, node: ast.expr, text: str) -> str:
        """A text in the place of a part of an expression, in parentheses where it may need them."""
        parent = self.program.parents(self.path).get(node)
        if isinstance(parent, (ast.Call, ast.keyword)) and not (isinstance(parent, ast.Call) and parent.func is node):
            return text
        return operand(text)

    def _rounded(self, node: ast.expr, name: str) -> str:
        inner = self.argument(node, 0, "x", "input")
        # `floor(x + 0.5)` rounds.
        shift = {"floor": ast.Add, "ceil": ast.Sub}.get(name)
        if (
            isinstance(inner, ast.BinOp)
            and shift is not None
            and isinstance(inner.op, shift)
            and number(inner.right) == 0.5
        ):
            return self.soft(inner.left)
        return self.soft(inner)

    # -- parts --

    def argument(self, node: ast.expr, position: int, *keywords: str) -> ast.expr:
        found = argument(node, position, *keywords) if isinstance(node, ast.Call) else None
        if found is None:
            raise NoSurrogate("the call does not spell its arguments out")
        return found

    def operands(self, node: ast.expr) -> tuple[ast.expr, ast.expr]:
        if isinstance(node, ast.BinOp):
            return node.left, node.right
        if isinstance(node, ast.Compare) and len(node.comparators) == 1:
            return node.left, node.comparators[0]
        return self.argument(node, 0, "x"), self.argument(node, 1, "y")

    def as_float(self, node: ast.expr, value: Value) -> str:
        """An operand as floating point."""
        text = self.soft(node)
        if isinstance(value, Tensor) and is_integer(value.dtype) and id(value) not in self.chain:
            counted = self._range_behind(node, value)
            if counted is not None:
                # It counts in floating point from the start, which reads better than a cast wherever it is used.
                self.counting[counted] = f"{self.program.source(counted, self.path)[:-1]}, dtype={self.say('float32')})"
                return text
            return f"{self.say('cast')}({text}, {self.say('float32')})"
        return text

    def _range_behind(self, node: ast.expr, value: Tensor) -> ast.Call | None:
        """The call of `tf.range` on plain numbers that a name stands for, where only what is softened uses the name."""
        while isinstance(value, Tensor) and value.operation.name == "getitem" and value.operation.inputs:
            first = value.operation.inputs[0]
            if not isinstance(first, Tensor):
                return None
            value = first
        name = node.value if isinstance(node, ast.Subscript) else node
        call = value.operation.node
        plain = all(isinstance(part, Constant) for part in value.operation.inputs)
        if (
            value.operation.name != "range"
            or not plain
            or not isinstance(call, ast.Call)
            or not isinstance(name, ast.Name)
        ):
            return None
        statement = self.program.statement(call, self.path)
        if call.keywords or not (
            isinstance(statement, ast.Assign)
            and statement.value is call
            and isinstance(statement.targets[0], ast.Name)
            and statement.targets[0].id == name.id
        ):
            return None
        inside = {each for soft in self.nodes for each in ast.walk(soft)}
        named = [each for each in self.program.nodes_of(self.path, ast.Name) if each.id == name.id]
        return call if all(each in inside or each is statement.targets[0] for each in named) else None

    def depends(self, value: Value) -> bool:
        return (
            isinstance(value, (Tensor, Unknown))
            and "labels" not in getattr(value, "facts", ())
            and getattr(getattr(value, "operation", None), "kind", "") != "data"
        )

    def _casts_to_float(self, call: ast.Call) -> bool:
        name = called(call)
        if name in ("to_float",):
            return True
        dtype = argument(call, 1, "dtype")
        if name != "cast" or dtype is None:
            return False
        text = self.source.segment(self.source.span(dtype)).strip("'\"")
        return text.rpartition(".")[2] in FLOAT_DTYPES or text.endswith((".dtype", "floatx()"))

    def say(self, name: str) -> str:
        """A TensorFlow name as this file can write it; TensorFlow is imported where nothing else will do."""
        inside = _IN_OPS.get(name, name)
        found = imports.spelled(
            self.tree, [f"tensorflow.{name}", f"tensorflow.compat.v1.{name}", f"keras.ops.{inside}"]
        )
        if found is not None:
            return found
        spelling = imports.spelling(self.source, self.tree, f"tensorflow.{name}")
        self.imported = spelling.edits
        return spelling.text


_IN_OPS = {"reduce_sum": "sum", "nn.softmax": "softmax", "range": "arange"}


def consumers_of(ending: Ending) -> Iterator[Tensor]:
    """The tensors outside of the chain that are made directly of something in it, on the way to the loss."""
    chain = {id(value) for value in ending.chain}
    full = Flow(ending.sink.tape, full=True)
    stack: list[Value] = [ending.sink.target]
    seen: set[int] = set()
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            if id(value) not in chain and any(id(part) in chain for part in value.operation.inputs):
                yield value
            stack.extend(value.operation.inputs)
        else:
            stack.extend(full._parts(value))
