"""RG702 where-nan: the branch that `tf.where` discards is not finite, and its gradient is NaN.

What it does
------------
Reports a `tf.where` whose condition keeps a logarithm, root or quotient away from a bad argument in the result, but
not in the computation: `tf.where(x > 0, tf.math.log(x), 0.0)`.

Why gradients stop
------------------
`tf.where` computes both branches. Backwards, the discarded one receives a gradient of zero, its operation multiplies
that with its own slope, which is infinite or not a number there, and zero times infinity is NaN. It is added to the
good gradient of the other elements.

Example
-------
Broken::

    entropy = tf.where(p > 0, p * tf.math.log(p), 0.0)

Mended::

    entropy = tf.where(p > 0, p * tf.math.log(tf.where(p > 0, p, 1.0)), 0.0)

The fix and its safety
----------------------
Safe: the "double where". The argument is replaced by 1 wherever the result is discarded anyway, so every value stays
what it was. Where condition and operation stand in different functions, or the condition is made later than the
operation, the code is shown and nothing is rewritten.

When it stays silent
--------------------
When the argument already comes from a `where`, `maximum` or clip, or has a constant added; for `divide_no_nan` and
`multiply_no_nan`; when the condition is about something else; when no gradient passes the branch.

References
----------
"NaN gradients of tf.where": https://github.com/tensorflow/probability/blob/main/discussion/where-nan.pdf
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from regrad.analysis.cut import CutKind
from regrad.analysis.program import Program
from regrad.analysis.values import Constant, Operation, Tensor, Value, Variable
from regrad.analysis.weights import names
from regrad.codemods.engine.broken_paths import argument, excerpt, listed
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld

CODE, NAME = "RG702", "where-nan"
_COMPARING = frozenset({"greater", "greater_equal", "less", "less_equal", "equal", "not_equal"})
_LOGICAL = frozenset({"logical_and", "logical_or", "logical_not"})
_AT_ZERO = frozenset({"log", "sqrt", "rsqrt", "reciprocal", "divide", "truediv"})
_AT_ONE = frozenset({"acos", "asin", "atanh", "arccos", "arcsin", "arctanh"})
_ELEMENTWISE = frozenset(
    "add subtract multiply divide truediv negative exp square sqrt log pow abs tanh sigmoid cast getitem sin"
    " cos".split()
)
_SMALL = 1e-2
_DEEPEST = 8


@dataclass(frozen=True, eq=False)
class Unguarded:
    """The `where`, the operation in its branch, the argument to guard, the comparison, and which branch is meant."""

    where: Operation
    operation: Operation
    value: Value
    position: int
    comparison: Operation
    condition: Tensor
    first: bool


def detect(program: Program) -> Iterator[Finding]:
    """Operations in branches whose argument nothing but the condition keeps away from where they are not finite."""
    seen: set[int] = set()
    for sink in program.sinks:
        if not sink.path.connected and not sink.path.anything:
            continue
        tensors = sink.alive
        living = {id(value) for value in tensors}
        for value in tensors:
            if value.operation.name not in ("where", "select"):
                continue
            for found in _unguarded(value, living):
                node, frame = found.operation.node, found.operation.frame
                if node is None or frame is None or id(node) in seen or not hasattr(node, "lineno"):
                    continue
                seen.add(id(node))
                sources = names(sink.path.connected)
                text = excerpt(program, node, frame)
                message = (
                    f"`{text}` is computed where `tf.where` discards it, too: its slope there makes the gradients of "
                    f"{listed(sources)} NaN"
                )
                related: tuple[Related, ...] = ()
                if value.operation.node is not None and value.operation.frame is not None:
                    related = (
                        Related(program.location(value.operation.node, value.operation.frame), "it is discarded here"),
                    )
                yield Finding(
                    CODE, NAME, message, program.location(node, frame), CutKind.NON_FINITE, sources, related, found
                )


def _unguarded(where: Tensor, living: set[int]) -> Iterator[Unguarded]:
    operation = where.operation
    arguments = operation.arguments or {}
    condition = arguments.get("0") or arguments.get("condition")
    branches = [arguments.get("1") or arguments.get("x"), arguments.get("2") or arguments.get("y")]
    if not isinstance(condition, Tensor):
        return
    comparisons = list(_comparisons(condition))
    for index, branch in enumerate(branches):
        stack: list[tuple[Value | None, int]] = [(branch, 0)]
        while stack:
            value, depth = stack.pop()
            if not isinstance(value, Tensor) or id(value) not in living or depth > _DEEPEST:
                continue
            inner = value.operation
            hazard = _hazard(inner)
            if hazard is not None:
                position, at_one = hazard
                risky = inner.inputs[position]
                comparison = next((each for each in comparisons if _guards(each, risky, at_one)), None)
                if comparison is not None and not _protected(risky):
                    yield Unguarded(operation, inner, risky, position, comparison, condition, index == 0)
            if inner.name in _ELEMENTWISE:
                stack.extend((part, depth + 1) for part in inner.inputs)


def _comparisons(value: Value) -> Iterator[Operation]:
    if isinstance(value, Tensor):
        if value.operation.name in _COMPARING:
            yield value.operation
        elif value.operation.name in _LOGICAL:
            for part in value.operation.inputs:
                yield from _comparisons(part)


def _hazard(operation: Operation) -> tuple[int, bool] | None:
    """Which argument of an operation must stay away from 0 (or from ±1), if any."""
    if operation.kind not in ("op", "operator") or not operation.inputs:
        return None
    if operation.name in ("divide", "truediv"):
        denominator = operation.inputs[1] if len(operation.inputs) == 2 else None
        return (1, False) if isinstance(denominator, (Tensor, Variable)) else None
    if operation.name == "pow":
        exponent = operation.inputs[1] if len(operation.inputs) == 2 else None
        steep = isinstance(exponent, Constant) and isinstance(exponent.value, (int, float)) and exponent.value < 1
        return (0, False) if steep else None
    if operation.name in _AT_ZERO:
        return 0, False
    return (0, True) if operation.name in _AT_ONE else None


def _guards(comparison: Operation, risky: Value, at_one: bool) -> bool:
    """Whether a comparison is about this value and the place where the operation is not finite."""
    if len(comparison.inputs) != 2:
        return False
    for one, other in (comparison.inputs, comparison.inputs[::-1]):
        if not _same(one, risky):
            continue
        if isinstance(other, Constant) and isinstance(other.value, (int, float)):
            return 0.9 <= abs(other.value) <= 1.1 if at_one else abs(other.value) <= _SMALL
        if isinstance(other, Tensor) and other.operation.name in ("zeros_like", "zeros"):
            return not at_one
    return False


def _same(one: Value, risky: Value) -> bool:
    if one is risky:
        return True
    return (
        isinstance(one, Tensor)
        and one.operation.name in ("abs", "square")
        and bool(one.operation.inputs)
        and one.operation.inputs[0] is risky
    )


def _protected(value: Value) -> bool:
    if not isinstance(value, Tensor):
        return not isinstance(value, Variable)
    operation = value.operation
    if operation.name in ("where", "select", "maximum", "clip_by_value", "clip"):
        return True
    return operation.name == "add" and any(isinstance(part, Constant) for part in operation.inputs)


def mend(program: Program, found: Finding) -> Mendings:
    """The double where."""
    from regrad.codemods.engine.moving import replace_expression

    bare: Unguarded = found.evidence
    node, frame, where = bare.operation.node, bare.operation.frame, bare.where.node
    risky = _written(node, bare)
    pattern = "tf.where(condition, x, 1.0)"
    if frame is None or risky is None or not isinstance(where, ast.Call):
        return Withheld("the argument is not written out here", pattern)
    if bare.where.frame is not frame:
        return Withheld(
            "condition and operation stand in different functions; guard the argument where it is used", pattern
        )
    path = frame.path
    condition = argument(where, 0, "condition")
    text = _condition_text(program, bare, condition, path)
    if text is None:
        return Withheld("the condition is made later than the operation; make it first", pattern)
    callee, value = program.source(where.func, path), program.source(risky, path)
    guarded = f"{callee}({text}, {value}, 1.0)" if bare.first else f"{callee}({text}, 1.0, {value})"
    if "keras" in callee or bare.where.name == "select":
        return Withheld("write the double where", guarded)
    if program.files[path].segment(program.files[path].span(risky)).startswith("tf1") or _needs_shapes(program):
        one = callee.rpartition(".")[0]
        guarded = guarded.replace(" 1.0", f" {one + '.' if one else ''}ones_like({value})", 1)
    try:
        edits = replace_expression(program.files[path], program.trees[path], risky, guarded)
    except CannotMove as problem:
        return Withheld(problem.reason, guarded)
    return (Mending("guard the argument as well (double where)", Safety.SAFE, edits, "only what is discarded changes"),)


def _needs_shapes(program: Program) -> bool:
    """Whether `where` is that of TensorFlow 1, which does not broadcast."""
    return program.graph


def _written(node: ast.AST | None, bare: Unguarded) -> ast.expr | None:
    if isinstance(node, ast.BinOp):
        return (node.left, node.right)[bare.position]
    return argument(node, bare.position, "x", "y") if isinstance(node, ast.Call) else None


def _condition_text(program: Program, bare: Unguarded, condition: ast.expr | None, path: str) -> str | None:
    if condition is None:
        return None
    inside = (
        any(each is bare.operation.node for each in ast.walk(bare.where.node)) if bare.where.node is not None else False
    )
    if inside or bare.condition.operation.serial < bare.operation.serial:
        return program.source(condition, path)
    made = bare.comparison.node
    known = all(
        not isinstance(part, Tensor) or part.operation.serial < bare.operation.serial for part in bare.comparison.inputs
    )
    simple = bare.comparison is bare.condition.operation
    return (
        program.source(made, path)
        if made is not None and known and simple and bare.comparison.frame is bare.operation.frame
        else None
    )


RULE = Rule(CODE, NAME, "safe", "only values that `tf.where` discards are computed from another argument", detect, mend)
