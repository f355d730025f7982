"""Numbers that NumPy draws for the start of a variable, and their shape as the program states it."""

from __future__ import annotations

import ast

from regrad.analysis.callee import called
from regrad.analysis.frames import Frame
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Value
from regrad.codemods.engine.named_value import only_value
from regrad.codemods.engine.stated_start import known_at

_SIZED = {
    **dict.fromkeys(("standard_normal", "random_sample", "random", "ranf", "sample"), 0),
    **dict.fromkeys(("normal", "uniform", "laplace", "logistic", "gumbel"), 2),
    **dict.fromkeys(("standard_t", "rayleigh", "exponential"), 1),
}
"""The place of `size` among the arguments."""
_SPREAD = frozenset({"randn", "rand"})
"""Those that take the sizes one by one."""
_CASTS = frozenset({"constant", "convert_to_tensor", "cast", "array", "asarray", "float32"})
_NUMBERS = frozenset({"sqrt", "float", "int", "len", "exp", "log", "log2", "prod", "max", "min"})
_OPERATORS = (ast.Mult, ast.Div, ast.Add, ast.Sub)


def drawn_shape(program: Program, start: ast.expr, frame: Frame, *, converted: bool = False) -> str | None:
    """The shape of `generator.normal(size=shape).astype("float32") * 0.1` and its like, as source text.

    None where the numbers are not in single precision (and are not `converted` afterwards), the shape is not stated by
    the call that draws them, or something else than a plain number could give them another one.
    """
    if isinstance(start, ast.Name):
        local = only_value(program, frame.path, start.id, used_once=True)
        body = frame.function.node if frame.function is not None else program.trees[frame.path]
        if local is None or not any(node is local for node in ast.walk(body)):
            return None
        start = local
    found = _Reading(program, frame).shape(start)
    return found[0] if found is not None and (found[1] or converted) else None


class _Reading:
    """Goes down to the call that draws, through what leaves the shape alone."""

    def __init__(self, program: Program, frame: Frame) -> None:
        self.program = program
        self.frame = frame

    def shape(self, node: ast.expr) -> tuple[str, bool] | None:
        """The shape, and whether the numbers are in single precision for certain."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self.shape(node.operand)
        if isinstance(node, ast.BinOp) and isinstance(node.op, _OPERATORS):
            left, right = self.shape(node.left), self.shape(node.right)
            inner, other = (left, node.right) if left is not None else (right, node.left)
            if inner is None or (left is not None and right is not None) or not self._number(other, inner[0]):
                return None
            if isinstance(node.op, ast.Div) and left is None:
                return None
            return inner
        if isinstance(node, ast.Call):
            return self._called(node)
        return None

    def _called(self, node: ast.Call) -> tuple[str, bool] | None:
        name = called(node)
        if any(isinstance(each, ast.Starred) for each in node.args) or any(each.arg is None for each in node.keywords):
            return None
        given = {each.arg: each.value for each in node.keywords}
        if name == "astype" and isinstance(node.func, ast.Attribute) and len(node.args) == 1 and not given:
            inner = self.shape(node.func.value)
            return None if inner is None else (inner[0], self._single(node.args[0]))
        if name in _CASTS and node.args and set(given) <= {"dtype", "name"} and len(node.args) <= 2:
            inner = self.shape(node.args[0])
            kind = node.args[1] if len(node.args) == 2 else given.get("dtype")
            single = name == "float32" or (self._single(kind) if kind is not None else bool(inner and inner[1]))
            return None if inner is None else (inner[0], single)
        if not isinstance(node.func, ast.Attribute) or not self._draws(node.func):
            return None
        if name in _SPREAD and node.args and not given:
            sizes = [self.program.source(each, self.frame.path) for each in node.args]
            return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})", False
        if name not in _SIZED or set(given) - {"size", "loc", "scale", "low", "high", "dtype", "df"}:
            return None
        place = _SIZED[name]
        size = node.args[place] if len(node.args) > place else given.get("size")
        limits = [*node.args[:place], *(each for key, each in given.items() if key not in ("size", "dtype"))]
        text = self._size(size) if size is not None else None
        if text is None or len(node.args) > place + 1 or not all(self._number(each, text) for each in limits):
            return None
        kind = given.get("dtype")
        return text, kind is not None and self._single(kind)

    def _draws(self, function: ast.Attribute) -> bool:
        """Whether the method is one of NumPy's generators, or of its module `random`."""
        holder: ast.expr = function.value
        text = self.program.source(holder, self.frame.path)
        if text in ("np.random", "numpy.random"):
            return True
        if isinstance(holder, ast.Name):
            made = [
                each.value
                for each in self.program.nodes_of(self.frame.path, ast.Assign)
                if any(isinstance(target, ast.Name) and target.id == holder.id for target in each.targets)
            ]
            return bool(made) and all(_generator(each) for each in made)
        return _generator(holder)

    def _size(self, node: ast.expr) -> str | None:
        text = self.program.source(node, self.frame.path)
        if isinstance(node, (ast.Tuple, ast.List)):
            return None if any(isinstance(each, ast.Starred) for each in node.elts) else text
        value = self._value(node)
        whole = isinstance(value, Constant) and isinstance(value.value, int)
        return f"({text},)" if whole or isinstance(node, ast.Subscript) else None

    def _number(self, node: ast.expr, shape: str) -> bool:
        """Whether an expression is one number: written out, known, a size of the shape, or computed of these."""
        if isinstance(node, ast.UnaryOp):
            return self._number(node.operand, shape)
        if isinstance(node, ast.BinOp):
            return self._number(node.left, shape) and self._number(node.right, shape)
        if isinstance(node, ast.Call):
            name = called(node)
            return name in _NUMBERS and all(self._number(each, shape) for each in node.args) and not node.keywords
        value = self._value(node)
        if isinstance(value, Constant):
            return isinstance(value.value, (int, float))
        sizes = ast.parse(shape, mode="eval").body
        text = ast.dump(node)
        return isinstance(sizes, (ast.Tuple, ast.List)) and any(ast.dump(each) == text for each in sizes.elts)

    def _value(self, node: ast.expr) -> Value | None:
        return known_at(node, self.frame)

    def _single(self, node: ast.expr) -> bool:
        text = self.program.source(node, self.frame.path).strip("'\"")
        return text.rpartition(".")[2] == "float32"


def _generator(made: ast.expr) -> bool:
    name = called(made) if isinstance(made, ast.Call) else ""
    return name in ("RandomState", "default_rng", "Generator")
