"""What a NumPy function computes of no argument, as a window or a kernel: it has no slope to lose, and stays NumPy."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TypeGuard

from regrad.analysis.parameters import every
from regrad.codemods.engine.numpy_table import TABLE, NotConverted

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_WINDOWS = frozenset({"ones", "hanning", "hamming", "blackman", "bartlett"})
_MADE_OF_A_LIST = frozenset({"array", "asarray"})


class Independent:
    """The expressions of a function that hang on none of its arguments and have no counterpart in TensorFlow.

    Raises `NotConverted` where such an array is used in another way than beside a tensor in arithmetic, or as a kernel.
    """

    def __init__(self, function: ast.FunctionDef | ast.Lambda, tree: ast.Module) -> None:
        self.function, self.tree = function, tree
        self.parents = {child: each for each in ast.walk(function) for child in ast.iter_child_nodes(each)}
        # What a method finds on its object was the same in NumPy.
        self.given = {each.arg for each in every(function.args)} - {"self"}
        self._spread(self.given, self.depends)
        kernels = [each.args[1] for each in ast.walk(function) if _convolves(each)]
        self.kept: set[str] = {each.id for each in kernels if isinstance(each, ast.Name)}
        """Names of arrays that stay NumPy."""
        self._spread(self.kept, lambda value: not self.depends(value) and self._is_kept(value))
        self.nodes: set[ast.AST] = {inner for each in kernels if not self.depends(each) for inner in ast.walk(each)}
        for each in ast.walk(function):
            if isinstance(each, ast.Assign) and not self.depends(each.value) and self._names_kept(each):
                self.nodes.update(ast.walk(each.value))
            elif isinstance(each, ast.expr) and not self.depends(each) and self._is_kept(each) and self._fits(each):
                self.nodes.update(ast.walk(each))
        for each in ast.walk(function):
            read = isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
            if isinstance(each, ast.Name) and read and each.id in self.kept and each not in self.nodes:
                raise NotConverted(f"`{each.id}` stays an array, and TensorFlow may read it in another dtype")

    def depends(self, node: ast.AST) -> bool:
        return any(isinstance(each, ast.Name) and each.id in self.given for each in ast.walk(node))

    def _is_kept(self, node: ast.AST) -> bool:
        return any(
            (isinstance(each, ast.Name) and each.id in self.kept)
            or (isinstance(each, ast.Call) and numpy_name(each) not in (None, *TABLE, *_MADE_OF_A_LIST, "float32"))
            for each in ast.walk(node)
        )

    def _names_kept(self, statement: ast.Assign) -> bool:
        return any(isinstance(each, ast.Name) and each.id in self.kept for each in statement.targets)

    def _spread(self, names: set[str], spreads: Callable[[ast.AST], bool]) -> None:
        """Adds the names that are bound to what spreads, until there are no more."""
        before = -1
        while before != len(names):
            before = len(names)
            for each in ast.walk(self.function):
                if isinstance(each, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
                    targets = each.targets if isinstance(each, ast.Assign) else [each.target]
                    value: ast.AST | None = each.value
                elif isinstance(each, (ast.comprehension, ast.For)):
                    targets, value = [each.target], each.iter
                else:
                    continue
                if value is not None and spreads(value):
                    stored = (inner for target in targets for inner in ast.walk(target))
                    names.update(inner.id for inner in stored if isinstance(inner, ast.Name))

    def _fits(self, node: ast.expr) -> bool:
        """Whether a tensor can take the array where it stands: beside it in arithmetic, or as a kernel."""
        parent = self.parents.get(node)
        if isinstance(parent, ast.expr) and not self.depends(parent):
            return True
        if isinstance(parent, ast.Assign):
            return parent.value is node
        if isinstance(parent, ast.BinOp):
            return isinstance(parent.op, _ARITHMETIC)
        return isinstance(parent, ast.Call) and numpy_name(parent) == "convolve" and node in parent.args[1:2]

    # -- sizes --

    def size(self, node: ast.expr | None) -> int | None:
        """How long an array is, where the file shows it."""
        if isinstance(node, ast.Name):
            return self.size(self._bound(node.id))
        if isinstance(node, ast.BinOp) and isinstance(node.op, _ARITHMETIC):
            sizes = {self.size(node.left), self.size(node.right)} - {None}
            scalars = [self._number(node.left), self._number(node.right), self._sums(node.right)]
            return sizes.pop() if len(sizes) == 1 and any(each is not None for each in scalars) else None
        if not isinstance(node, ast.Call) or not node.args:
            return None
        name, first = numpy_name(node), node.args[0]
        if name in _WINDOWS:
            found = self._number(first)
            return found if isinstance(found, int) else None
        if name in _MADE_OF_A_LIST and isinstance(first, (ast.List, ast.Tuple)):
            plain = all(self._number(each) is not None for each in first.elts)
            return len(first.elts) if plain else None
        return None

    def _sums(self, node: ast.expr) -> bool | None:
        """Whether an array's sum stands here, by name or by its method."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sum":
            alone = not node.keywords and len(node.args) == (numpy_name(node) is not None)
            return True if alone else None
        return None

    def _number(self, node: ast.expr | None) -> float | None:
        if isinstance(node, ast.Name):
            return self._number(self._bound(node.id))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self._number(node.operand)
            return None if inner is None else -inner
        return node.value if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) else None

    def _bound(self, name: str) -> ast.expr | None:
        """The value of a name that is bound once, in the function or else in the file."""
        if name in self.given:
            return None
        for scope in (self.function, self.tree):
            stored = [
                each
                for each in ast.walk(scope)
                if isinstance(each, ast.Name) and each.id == name and not isinstance(each.ctx, ast.Load)
            ]
            if stored:
                return _value_of(scope, stored[0]) if len(stored) == 1 else None
        return None


def _value_of(scope: ast.AST, name: ast.Name) -> ast.expr | None:
    """What an assignment gives a name, also one of several names at once."""
    for each in ast.walk(scope):
        if not isinstance(each, ast.Assign) or len(each.targets) != 1:
            continue
        target, value = each.targets[0], each.value
        if target is name:
            return value
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and name in target.elts:
            plain = len(target.elts) == len(value.elts) and not any(isinstance(e, ast.Starred) for e in target.elts)
            return value.elts[target.elts.index(name)] if plain else None
    return None


def _convolves(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and numpy_name(node) == "convolve" and len(node.args) > 1


def numpy_name(call: ast.Call) -> str | None:
    """The function's name after `np.`; None for what is no function of NumPy."""
    parts: list[str] = []
    current: ast.expr = call.func
    while isinstance(current, ast.Attribute):
        parts.append(current.attr)
        current = current.value
    named = isinstance(current, ast.Name) and current.id in ("np", "numpy")
    return ".".join(reversed(parts)) if named and parts else None
