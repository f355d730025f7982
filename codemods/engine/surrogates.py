"""Differentiable stand-ins: the text of code in which decisions, rounding and indices give way to what has a slope.

A `Softener` is given all the tensors that carry no gradient (the chain of an ending) and rewrites the expressions
that make them, from the inside out: `x > 0.5` becomes a sigmoid, `a & b` a product, `round(x)` the number itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from regrad.analysis.endings import Ending
from regrad.analysis.flow import Flow
from regrad.analysis.operations import FLOAT_DTYPES, is_integer
from regrad.analysis.program import Program
from regrad.analysis.source import SourceFile
from regrad.analysis.values import Constant, Operation, Tensor, Unknown, Value
from regrad.codemods.engine import imports
from regrad.codemods.engine.broken_paths import argument, operand, outermost, text_of
from regrad.codemods.engine.ranking import soft_rank
from regrad.codemods.engine.rule import Edit

ROUNDING = frozenset({"round", "rint", "floor", "ceil", "trunc", "fix"})
_GREATER = frozenset({"greater", "greater_equal"})
_LESS = frozenset({"less", "less_equal"})
COMPARING = _GREATER | _LESS | {"equal", "not_equal"}
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
_STRUCTURE = frozenset({"model", "join", "index_join"})
_STEEP = "10.0 * "


class NoSurrogate(Exception):
    """What stands here has no sound stand-in; `instead` is the code that the author could write."""

    def __init__(self, reason: str, instead: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.instead = instead


_WITHOUT = {
    "bincount": (
        "counting has no slope; count softly, with a sigmoid for each border",
        "tf.reduce_sum(tf.sigmoid((x[:, None] - lower) / width) - tf.sigmoid((x[:, None] - upper) / width), axis=0)",
    ),
    "histogram_fixed_width": (
        "counting has no slope; count softly, with a sigmoid for each border",
        "tf.reduce_sum(tf.sigmoid((x[:, None] - lower) / width) - tf.sigmoid((x[:, None] - upper) / width), axis=0)",
    ),
    "argsort": ("an order has no slope; a soft rank has", "tf.reduce_sum(tf.sigmoid(x[:, None] - x[None, :]), axis=1)"),
    "top_k_indices": ("an order has no slope; use the values of `top_k`", "tf.math.top_k(x, k).values"),
    "Embedding index": (
        "a row cannot be chosen with a slope; mix the rows",
        'bins = Dense(count, activation="softmax")(x)\nrows = Dense(width, use_bias=False)(bins)',
    ),
    "selector": (
        "a row cannot be chosen with a slope; mix the rows with probabilities",
        "tf.matmul(tf.nn.softmax(logits), rows)",
    ),
    "nearest": (
        "the nearest row cannot be chosen with a slope; let the gradient pass by the choice (straight through)",
        "chosen = z + tf.stop_gradient(rows - z)",
    ),
    "in_top_k": ("being among the best has no slope; use the cross-entropy", ""),
}


class Softener:
    """Rewrites one file's share of a chain. `direct` takes a probability for its decision; else a sigmoid is used."""

    def __init__(self, program: Program, ending: Ending, path: str, direct: bool) -> None:
        self.program = program
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
        self.imported: tuple[Edit, ...] = ()
        consumers = list(consumers_of(ending))
        for value in (*ending.chain, *consumers):
            operation = value.operation
            if operation.kind in _STRUCTURE or operation.frame is None or operation.frame.path != path:
                continue
            if id(value) not in self.chain and operation.name in _SELECTING and not self._mixes(operation):
                raise NoSurrogate(*_WITHOUT[_selector(operation)])
            if operation.kind == "layer" and id(value) not in self.chain and operation.name == "Embedding":
                raise NoSurrogate(*_WITHOUT["Embedding index"])
            changes = id(value) in self.chain or operation.name in _CHOOSING or operation.name in _SELECTING
            if changes and isinstance(operation.node, ast.expr):
                self.nodes.setdefault(operation.node, value)

    def replacements(self) -> dict[ast.expr, str]:
        """The expressions to replace, with their new texts; raises `NoSurrogate`."""
        found: dict[ast.expr, str] = {}
        parents = self.program.parents(self.path)
        for node in outermost(self.tree, self.nodes):
            assert isinstance(node, ast.expr)
            text = self.soft(node)
            parent = parents.get(node)
            while isinstance(parent, ast.Call) and argument(parent, 0, "x") is node and self._casts_to_float(parent):
                node, parent = parent, parents.get(parent)
            assert isinstance(node, ast.expr)
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
            return self._accuracy(node, name)
        if operation.kind in ("numpy", "conversion") or (name in _WITHOUT and name != "argsort"):
            raise NoSurrogate(*_WITHOUT.get(name, ("nothing of the same kind has a slope", "")))
        if name == "argsort":
            return self._ranked(node)
        if name in ROUNDING:
            return self._rounded(node, name)
        if name in ("floordiv", "floor_divide"):
            one, other = self._operands(node)
            return f"{operand(self.soft(one))} / {operand(self.soft(other))}"
        if name in COMPARING:
            return self._compared(node, operation)
        if name in ("logical_and", "logical_or", "logical_xor"):
            left, right = (operand(self.soft(each)) for each in self._operands(node))
            return f"{left} * {right}" if name == "logical_and" else f"{self._say('maximum')}({left}, {right})"
        if name == "logical_not":
            negated = node.operand if isinstance(node, ast.UnaryOp) else self._argument(node, 0, "x")
            return f"1.0 - {operand(self.soft(negated))}"
        if name == "sign":
            return f"{self._say('tanh')}({self.soft(self._argument(node, 0, 'x'))})"
        if name == "cast" and isinstance(node, ast.Call):
            return self.soft(self._argument(node, 0, "x"))
        if name in ("argmax", "argmin"):
            return self._index(node, operation)
        if name == "one_hot":
            return self._one_hot(node, operation)
        if name in _CHOOSING:
            return self._chosen(node)
        if name in _SELECTING:
            return self._mixed(node, operation)
        if name == "count_nonzero":
            return f"{self._say('reduce_sum')}({self.soft(self._argument(node, 0, 'input', 'x'))})"
        if name in ("reduce_any", "reduce_all", "any", "all"):
            raise NoSurrogate("whether any or all are true has no slope", "tf.reduce_max(soft) or tf.reduce_min(soft)")
        if isinstance(node, ast.BinOp) and len(operation.inputs) == 2:
            parts = {
                side: self._float(side, value)
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
        inner = self._argument(node, 0, "x", "input")
        # `floor(x + 0.5)` rounds.
        shift = {"floor": ast.Add, "ceil": ast.Sub}.get(name)
        if (
            isinstance(inner, ast.BinOp)
            and shift is not None
            and isinstance(inner.op, shift)
            and _number(inner.right) == 0.5
        ):
            return self.soft(inner.left)
        return self.soft(inner)

    def _compared(self, node: ast.expr, operation: Operation) -> str:
        one, other = self._operands(node)
        if operation.name in ("equal", "not_equal"):
            same = self._same(one, other, operation)
            return same if operation.name == "equal" else f"1.0 - {operand(same)}"
        high, low = (one, other) if operation.name in _GREATER else (other, one)
        position = 0 if high is one else 1
        left, right = operation.inputs[position], operation.inputs[1 - position]
        if self._probable(left) and isinstance(right, Constant) and right.value == 0.5 and self.direct:
            self.used_direct = True
            return self.soft(high)
        if self._probable(right) and isinstance(left, Constant) and left.value == 0.5 and self.direct:
            self.used_direct = True
            return f"1.0 - {operand(self.soft(low))}"
        self.used_sigmoid = True
        steep = _STEEP if self._probable(left) or self._probable(right) else ""
        if isinstance(right, Constant) and right.value == 0:
            difference = self._float(high, left)
        elif isinstance(left, Constant) and left.value == 0:
            difference = f"-{operand(self._float(low, right))}"
        else:
            difference = f"{operand(self._float(high, left))} - {operand(self._float(low, right))}"
        inner = f"{steep}{operand(difference)}" if steep else difference
        return f"{self._say('sigmoid')}({inner})"

    def _same(self, one: ast.expr, other: ast.expr, operation: Operation) -> str:
        sides = [_made_by(value) for value in operation.inputs[:2]]
        indices = [position for position, made in enumerate(sides) if made in ("argmax", "argmin")]
        mine = next((position for position in indices if id(operation.inputs[position]) in self.chain), None)
        if mine is not None and sides[mine] == "argmax":
            chosen = operation.inputs[mine]
            assert isinstance(chosen, Tensor)
            scores, logits = self._scores(chosen.operation)
            rest = operation.inputs[1 - mine]
            if sides[1 - mine] == "argmax" and isinstance(rest, Tensor):
                labels, _ = self._scores(rest.operation)
                return f"{self._say('reduce_sum')}({operand(labels)} * {self._probabilities(scores, logits)}, axis=-1)"
            labels = self.soft((one, other)[1 - mine])
            loss = imports.spelled(
                self.tree,
                [
                    "tensorflow.keras.losses.sparse_categorical_crossentropy",
                    "keras.losses.sparse_categorical_crossentropy",
                ],
                one,
            )
            if loss is None:
                raise NoSurrogate(
                    "the probability of the right class has a slope",
                    "tf.exp(-sparse_categorical_crossentropy(y_true, y_pred))",
                )
            flag = ", from_logits=True" if logits else ""
            return f"{self._say('exp')}(-{loss}({labels}, {scores}{flag}))"
        left, right = operand(self._float(one, operation.inputs[0])), operand(self._float(other, operation.inputs[1]))
        if all(made == "sign" for made in sides):
            return f"0.5 * (1.0 + {left} * {right})"
        if any(made in ROUNDING or made in COMPARING for made in sides):
            return f"1.0 - {self._say('abs')}({left} - {right})"
        return f"{self._say('exp')}(-{self._say('square')}({left} - {right}))"

    def _ranked(self, node: ast.expr) -> str:
        """`argsort(argsort(x))`, which are ranks; an order alone has no stand-in."""
        inner = self._argument(node, 0, "values")
        value = self.nodes.get(inner)
        if (
            not isinstance(node, ast.Call)
            or not isinstance(inner, ast.Call)
            or value is None
            or value.operation.name != "argsort"
            or len(node.args) + len(node.keywords) + len(inner.args) + len(inner.keywords) != 2
            or any(len(shape) != 1 for shape in [_shape(value.operation.inputs)] if shape)
        ):
            raise NoSurrogate(*_WITHOUT["argsort"])
        return soft_rank(operand(self.soft(self._argument(inner, 0, "values"))), 0, self._say)

    def _accuracy(self, node: ast.expr, name: str) -> str:
        """An accuracy of the library, as the probability of being right."""
        if not isinstance(node, ast.Call) or len(node.args) + len(node.keywords) != 2:
            raise NoSurrogate(
                "a metric counts, which has no slope", "tf.keras.losses.binary_crossentropy(y_true, y_pred)"
            )
        truth, guess = (self.soft(self._argument(node, place, key)) for place, key in enumerate(("y_true", "y_pred")))
        if name == "binary_accuracy":
            distance = f"{self._say('abs')}({operand(truth)} - {operand(guess)})"
            return f"{self._say('reduce_mean')}(1.0 - {distance}, axis=-1)"
        if name == "categorical_accuracy":
            return f"{self._say('reduce_sum')}({operand(truth)} * {operand(guess)}, axis=-1)"
        raise NoSurrogate(
            "a metric counts, which has no slope; take the loss that belongs to it",
            "tf.keras.losses.categorical_crossentropy(y_true, y_pred)",
        )

    def _scores(self, operation: Operation) -> tuple[str, bool]:
        """What an argmax looks at, and whether that may be logits."""
        call = operation.node
        frame = operation.frame
        if not isinstance(call, ast.Call) or frame is None or frame.path != self.path:
            raise NoSurrogate("the index has no slope", "tf.reduce_sum(probabilities * classes, axis=-1)")
        axis = argument(call, 1, "axis", "dimension")
        if axis is not None and not (
            _number(axis) == -1 or (_number(axis) == 1 and len(_shape(operation.inputs)) in (0, 2))
        ):
            raise NoSurrogate(
                "only indices of the last axis have a known stand-in", "tf.reduce_sum(probabilities * classes, axis=-1)"
            )
        inner = argument(call, 0, "input", "x")
        if inner is None:
            raise NoSurrogate("the index has no slope")
        first = operation.inputs[0] if operation.inputs else None
        logits = not self._probable(first) and not (isinstance(first, Tensor) and first.facts & {"one-hot", "binary"})
        return self.soft(inner), logits and first is not None and self._depends(first)

    def _probabilities(self, scores: str, logits: bool) -> str:
        return f"{self._say('nn.softmax')}({scores})" if logits else operand(scores)

    def _index(self, node: ast.expr, operation: Operation) -> str:
        if operation.name == "argmin":
            raise NoSurrogate("the index of the smallest has no slope", "tf.nn.softmax(-distances)")
        scores, logits = self._scores(operation)
        shares = self._probabilities(scores, logits)
        classes = f"{self._say('range')}({self._say('shape')}({scores})[-1])"
        return f"{self._say('reduce_sum')}({shares} * {self._say('cast')}({classes}, {self._say('float32')}), axis=-1)"

    def _one_hot(self, node: ast.expr, operation: Operation) -> str:
        index = operation.inputs[0] if operation.inputs else None
        while isinstance(index, Tensor) and index.operation.name == "cast" and index.operation.inputs:
            index = index.operation.inputs[0]
        if not isinstance(index, Tensor) or index.operation.name != "argmax":
            raise NoSurrogate("rows of one 1 have no slope; the probabilities themselves have", "tf.nn.softmax(logits)")
        scores, logits = self._scores(index.operation)
        return f"{self._say('nn.softmax')}({scores})" if logits else scores

    def _chosen(self, node: ast.expr) -> str:
        condition, one, other = (
            self._argument(node, 0, "condition"),
            self._argument(node, 1, "x"),
            self._argument(node, 2, "y"),
        )
        share = operand(self.soft(condition))
        yes, no = self.soft(one), self.soft(other)
        if _number(one) == 1 and _number(other) == 0:
            return self.soft(condition)
        if _number(one) == 0 and _number(other) == 1:
            return f"1.0 - {share}"
        if _number(other) == 0:
            return f"{share} * {operand(yes)}"
        if _number(one) == 0:
            return f"(1.0 - {share}) * {operand(no)}"
        return f"{share} * {operand(yes)} + (1.0 - {share}) * {operand(no)}"

    def _mixes(self, operation: Operation) -> bool:
        index = operation.inputs[1] if len(operation.inputs) > 1 else None
        return operation.name in ("gather", "embedding_lookup") and _made_by(index) == "argmax"

    def _mixed(self, node: ast.expr, operation: Operation) -> str:
        index = operation.inputs[1] if len(operation.inputs) > 1 else None
        if (
            not self._mixes(operation)
            or not isinstance(index, Tensor)
            or (isinstance(node, ast.Call) and len(node.args) + len(node.keywords) != 2)
        ):
            raise NoSurrogate(*_WITHOUT[_selector(operation)])
        scores, logits = self._scores(index.operation)
        rows = self.soft(self._argument(node, 0, "params"))
        return f"{self._say('matmul')}({self._probabilities(scores, logits)}, {rows})"

    # -- parts --

    def _argument(self, node: ast.expr, position: int, *keywords: str) -> ast.expr:
        found = argument(node, position, *keywords) if isinstance(node, ast.Call) else None
        if found is None:
            raise NoSurrogate("the call does not spell its arguments out")
        return found

    def _operands(self, node: ast.expr) -> tuple[ast.expr, ast.expr]:
        if isinstance(node, ast.BinOp):
            return node.left, node.right
        if isinstance(node, ast.Compare) and len(node.comparators) == 1:
            return node.left, node.comparators[0]
        return self._argument(node, 0, "x"), self._argument(node, 1, "y")

    def _float(self, node: ast.expr, value: Value) -> str:
        """An operand as floating point."""
        text = self.soft(node)
        if isinstance(value, Tensor) and is_integer(value.dtype) and id(value) not in self.chain:
            counted = self._range_behind(node, value)
            if counted is not None:
                # It counts in floating point from the start, which reads better than a cast wherever it is used.
                self.counting[counted] = (
                    f"{self.program.source(counted, self.path)[:-1]}, dtype={self._say('float32')})"
                )
                return text
            return f"{self._say('cast')}({text}, {self._say('float32')})"
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
        named = [each for each in self.program.nodes(self.path) if isinstance(each, ast.Name) and each.id == name.id]
        return call if all(each in inside or each is statement.targets[0] for each in named) else None

    def _depends(self, value: Value) -> bool:
        return (
            isinstance(value, (Tensor, Unknown))
            and "labels" not in getattr(value, "facts", ())
            and getattr(getattr(value, "operation", None), "kind", "") != "data"
        )

    def _probable(self, value: Value | None) -> bool:
        """Whether a value is known to be a probability, also after being indexed."""
        while isinstance(value, Tensor):
            if "probabilities" in value.facts:
                return True
            operation = value.operation
            if operation.name in ("getitem", "reshape", "squeeze", "expand_dims", "cast") or operation.name in ROUNDING:
                value = operation.inputs[0] if operation.inputs else None
            elif operation.kind == "model" and operation.inputs:
                value = operation.inputs[0]
            else:
                return False
        return False

    def _casts_to_float(self, call: ast.Call) -> bool:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in ("to_float",):
            return True
        dtype = argument(call, 1, "dtype")
        if name != "cast" or dtype is None:
            return False
        text = self.source.segment(self.source.span(dtype)).strip("'\"")
        return text.rpartition(".")[2] in FLOAT_DTYPES or text.endswith((".dtype", "floatx()"))

    def _say(self, name: str) -> str:
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


def _selector(operation: Operation) -> str:
    """Which advice fits a choice of rows: by the smallest distance, or by a score."""
    return "nearest" if any(_made_by(part) == "argmin" for part in operation.inputs[1:]) else "selector"


def _made_by(value: Value | None) -> str:
    """The operation that a value comes from, casts and shapes apart."""
    while isinstance(value, Tensor):
        name = value.operation.name
        if name not in ("cast", "getitem", "reshape", "squeeze", "expand_dims") or not value.operation.inputs:
            return name
        value = value.operation.inputs[0]
    return ""


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return {"ones_like": 1.0, "zeros_like": 0.0}.get(name)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) else None


def _shape(inputs: tuple[Value, ...]) -> tuple[int | None, ...]:
    first = inputs[0] if inputs else None
    return first.shape or () if isinstance(first, Tensor) else ()
