"""Whether a number that is picked or computed from a probability becomes exactly 0 where the sigmoid or softmax
saturates: by `where`, a mask, a slice, `gather`, or one minus any of them.
"""

from __future__ import annotations

import ast
import operator
import struct
from collections.abc import Callable, Iterable

from regrad.analysis.callee import called
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Operation, Tensor, Value
from regrad.analysis.walking import each_once

_DEEPEST = 16
_SHAPES = frozenset(
    "reshape squeeze expand_dims transpose flatten ravel identity convert_to_tensor cast split unstack tile"
    " batch_flatten permute_dimensions".split()
)
_PICKS = frozenset("gather gather_nd batch_gather take take_along_axis boolean_mask".split())
_COMPUTED: dict[str, Callable[[float, float], float]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "minimum": min,
    "maximum": max,
    "equal": lambda one, other: float(one == other),
    "not_equal": lambda one, other: float(one != other),
    "less": lambda one, other: float(one < other),
    "less_equal": lambda one, other: float(one <= other),
    "greater": lambda one, other: float(one > other),
    "greater_equal": lambda one, other: float(one >= other),
    "logical_and": lambda one, other: float(bool(one) and bool(other)),
    "logical_or": lambda one, other: float(bool(one) or bool(other)),
}
_TURNED: dict[str, Callable[[float], float]] = {
    "negative": operator.neg,
    "abs": abs,
    "square": lambda number: number * number,
    "logical_not": lambda number: float(not number),
    "ones_like": lambda number: 1.0,
    "zeros_like": lambda number: 0.0,
}
_DRAWING = frozenset({"categorical", "multinomial", "binomial", "Categorical", "Bernoulli", "OneHotCategorical"})
_ACTING = frozenset(
    "action actions act acts reward rewards advantage advantages adv advs policy episode episodes actor".split()
)


def saturates(program: Program, living: Iterable[Value], value: Value) -> str | None:
    """Why the value becomes exactly 0, if it does for the wrong answer: the sigmoid says 0 for a 1, or 1 for a 0."""
    probability = _probability(value)
    if probability is None or not any(each is probability for each in living):
        return None
    for end in (0.0, 1.0):
        attempt = _Attempt(probability, end)
        # Nothing is certain of soft targets, nor of an output that is right; so the mask says the opposite.
        if attempt.number(value) == 0.0 and not (attempt.picked and program.once(_draws)):
            return f"a sigmoid or softmax becomes exactly {int(end)}"
    return None


def number_at(value: Value, output: Tensor, number: float) -> float | None:
    """What an element of the value is where the output is that number; None where that is not certain."""
    attempt = _Attempt(output, number)
    found = attempt.number(value)
    return None if attempt.picked else found


def _probability(value: Value) -> Tensor | None:
    """The only sigmoid or softmax that the value is computed from."""
    found: dict[int, Tensor] = {}

    def parts(each: Value) -> Iterable[Value]:
        if not isinstance(each, Tensor) or is_probability(each):
            return ()
        return each.operation.inputs

    for each in each_once([value], parts):
        if isinstance(each, Tensor) and is_probability(each):
            found[id(each)] = each
    (only,) = found.values() if len(found) == 1 else (None,)
    return only if only is not value and only is not None and only.dtype in (None, "float32") else None


def is_probability(value: Tensor) -> bool:
    """Whether it is what a sigmoid or softmax gives, as it comes."""
    return (
        "probabilities" in value.facts
        and value.operation.kind in ("op", "layer", "model")
        and value.operation.transfer != "none"
    )


class _Attempt:
    """One element of the value, computed as the program does, with the probability at one of its ends and any mask of
    zeros and ones at the other.
    """

    def __init__(self, probability: Tensor, end: float) -> None:
        self._probability = probability
        self._end = end
        self._mask: Value | None = None
        self.picked = False

    def number(self, value: Value, depth: int = 0) -> float | None:
        """The number in single precision; None where it is not certain."""
        if value is self._probability:
            return self._end
        if isinstance(value, Constant):
            return _single(value.value) if isinstance(value.value, (int, float)) else None
        if not isinstance(value, Tensor) or depth > _DEEPEST:
            return None
        name, inputs = value.operation.name, value.operation.inputs
        if not inputs or name == "one_hot":
            return self._masked(value)
        if name in _PICKS:
            self.picked = True
            rest = inputs[1:]
            return None if any(self._involved(each) for each in rest) else self.number(inputs[0], depth + 1)
        if name in ("reduce_sum", "reduce_max", "sum", "max"):
            return self._row(inputs[0], depth)
        if name == "getitem":
            self.picked = self.picked or not _written_out(value.operation.node)
            return self.number(inputs[0], depth + 1)
        if name in _SHAPES:
            return self.number(inputs[0], depth + 1)
        if name in ("where", "select"):
            return self._chosen(value.operation, depth)
        numbers = [self.number(each, depth + 1) for each in inputs]
        known = [number for number in numbers if number is not None]
        if name in ("clip_by_value", "clip") and len(known) == len(numbers) == 3:
            return min(max(known[0], known[1]), known[2])
        if len(known) < len(numbers):
            return None
        if name in _TURNED and len(known) == 1:
            return _TURNED[name](known[0])
        if name in _COMPUTED and len(known) == 2:
            return _single(_COMPUTED[name](*known))
        return None

    def _chosen(self, where: Operation, depth: int) -> float | None:
        stated = where.arguments or {}
        condition = stated.get("0") or stated.get("condition")
        branches = (stated.get("1") or stated.get("x"), stated.get("2") or stated.get("y"))
        said = self.number(condition, depth + 1) if condition is not None else None
        branch = None if said is None else branches[0 if said else 1]
        return self.number(branch, depth + 1) if branch is not None else None

    def _row(self, value: Value, depth: int) -> float | None:
        """The sum over a row of which a mask leaves one element."""
        product = isinstance(value, Tensor) and value.operation.name == "multiply"
        before, self._mask = self._mask, None
        number = self.number(value, depth + 1) if product else None
        picked = self._mask is not None
        self._mask = self._mask or before
        return number if picked and number == 0.0 else None

    def _masked(self, value: Value) -> float | None:
        """What the only mask says: the opposite of the probability."""
        if not isinstance(value, Tensor) or value.operation.kind == "random":
            return None
        if (value.operation.kind, value.operation.name) != ("data", "data") and value.operation.name != "one_hot":
            return None
        if self._mask is not None and self._mask is not value:
            return None
        self._mask, self.picked = value, True
        return 1.0 - self._end

    def _involved(self, value: Value) -> bool:
        behind = each_once([value], lambda each: each.operation.inputs if isinstance(each, Tensor) else ())
        return any(each is self._probability for each in behind)


def _single(number: float) -> float | None:
    try:
        rounded: float = struct.unpack("f", struct.pack("f", number))[0]
    except OverflowError:
        return None
    return rounded


def _written_out(node: ast.AST | None) -> bool:
    """Whether a subscript names the elements by numbers, so that they are not those of an action that was drawn."""
    if not isinstance(node, ast.Subscript):
        return False
    allowed = (ast.Constant, ast.Slice, ast.Tuple, ast.UnaryOp, ast.USub, ast.expr_context)
    return all(isinstance(each, allowed) for each in ast.walk(node.slice))


def _draws(program: Program) -> bool:
    """Whether the program draws what its model says, as in reinforcement learning: what was drawn is not impossible."""
    for path in program.trees:
        for call in program.nodes_of(path, ast.Call):
            name = called(call)
            if name in _DRAWING or (name == "choice" and any(word.arg == "p" for word in call.keywords)):
                return True
        names = (node.id for node in program.nodes_of(path, ast.Name))
        parameters = (node.arg for node in program.nodes_of(path, ast.arg))
        if any(not _ACTING.isdisjoint(name.lower().split("_")) for each in (names, parameters) for name in each):
            return True
    return False
