"""RG702 where-nan: the branch that `tf.where` discards is not finite, and its gradient is NaN.

What it does
------------
Reports a `tf.where` whose condition keeps a logarithm, power, quotient or inverse cosine away from a bad argument in
the result, but not in the computation: `tf.where(p > 0, p * tf.math.log(p), 0.0)`; and one whose condition discards an
exponential just where it overflows, `tf.where(x > 0, x, tf.exp(x) - 1)`, if the data make `x` large enough for that;
and one that leaves missing targets out only after the loss was computed of them,
`tf.where(tf.math.is_nan(error), 0.0, error)` with `error = tf.square(y_true - y_pred)`.

Why gradients stop
------------------
`tf.where` computes both branches. Backwards, the discarded one receives a gradient of zero, its operation multiplies
that with its own slope, which is infinite or not a number there, and zero times infinity is NaN. It is added to the
good gradient of the other elements. Where that happens was measured: a logarithm and a quotient at 0 exactly (at -1
their slopes are finite), `x ** 0.5` at 0 and below, `x ** 1.5` below 0, `acos` from 1 on; and whatever is multiplied
with a value that is not finite.

Example
-------
Broken::

    entropy = tf.where(p > 0, p * tf.math.log(p), 0.0)

Mended::

    entropy = tf.where(p > 0, p * tf.math.log(tf.where(p > 0, p, 1.0)), 0.0)

The fix and its safety
----------------------
Safe: the "double where". The argument is replaced by 1 wherever the result is discarded anyway, so every value stays
what it was. Where the condition is made later than the operation, its comparison about the argument stands there too,
if it is known by then and discards by itself. An argument with an offset, such as the `x + 1` behind `x < 0`, gets its
`x` held on its own side instead: `tf.maximum(x, 0) + 1`. Where condition and operation stand in different functions, or
the condition is not known yet, the code is shown and nothing is rewritten. Missing targets are replaced before the
prediction meets them, and what asked the loss for them asks the targets.

When it stays silent
--------------------
For `tf.sqrt`, `tf.math.rsqrt`, `tf.norm` and `tf.math.reciprocal` by themselves, which send nothing back where nothing
arrives; for a logarithm or quotient of `x > 0` where x is the number of a linear unit, which is hardly ever 0 exactly;
when the argument already comes from a `where`, `maximum` or clip, or has a constant added and the program does not say
that its numbers are bad all the same; for `divide_no_nan` and `multiply_no_nan`; for an exponential of numbers of which
it is not known that they go beyond 88, or that are scaled or normalised first; when no target is missing, or only sums,
differences and `maximum` lie before the `where`; when the condition is about something else; when no gradient passes
the branch.

References
----------
"NaN gradients of tf.where": https://github.com/tensorflow/probability/blob/main/discussion/where-nan.pdf
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from regrad.analysis.choices import choice
from regrad.analysis.cut import CutKind
from regrad.analysis.events import Trained
from regrad.analysis.program import Program
from regrad.analysis.values import Operation, Tensor, Value, Variable
from regrad.analysis.weights import names
from regrad.codemods.engine.broken_paths import argument, excerpt, listed
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.missing_targets import Missing, missing
from regrad.codemods.engine.missing_targets import mend as known_targets
from regrad.codemods.engine.not_finite import guards, hazard, protected
from regrad.codemods.engine.overflow import OVERFLOWING, overflows
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.shifted_argument import held_on_its_side, spoilt_where_discarded
from regrad.codemods.engine.surroundings import loaded

CODE, NAME = "RG702", "where-nan"
_COMPARING = frozenset({"greater", "greater_equal", "less", "less_equal", "equal", "not_equal"})
_LOGICAL = frozenset({"logical_and", "logical_or", "logical_not"})
_ELEMENTWISE = frozenset(
    "add subtract multiply divide truediv negative exp expm1 square sqrt log log1p pow power abs tanh sigmoid cast"
    " getitem sin cos".split()
)
# Backwards these multiply with what went in or came out: a value that is not finite spoils even a gradient of zero.
_USING = frozenset("exp square pow power tanh sigmoid sin cos".split())
_DEEPEST = 8


class Unguarded(NamedTuple):
    """The `where`, the operation in its branch, the argument to guard, the comparison, and which branch is meant."""

    where: Operation
    operation: Operation
    value: Value
    position: int
    comparison: Operation
    condition: Tensor
    first: bool
    shifted: bool = False
    """Whether the argument is a multiple of what is compared and a number more."""


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
            given = sink.event.x if isinstance(sink.event, Trained) else None
            late: Iterator[Unguarded | Missing] = missing(program, sink, value.operation, living)
            for found in chain(_unguarded(program, value, living, given), late):
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


def _unguarded(program: Program, where: Tensor, living: set[int], given: Value | None) -> Iterator[Unguarded]:
    operation = where.operation
    condition, *branches = choice(operation)
    if not isinstance(condition, Tensor):
        return
    comparisons = list(_comparisons(condition))
    # Of several conditions, each alone does not say which numbers are discarded.
    plain = [condition.operation] if condition.operation.name in _COMPARING else []
    for index, branch in enumerate(branches):
        stack: list[tuple[Value | None, int, bool]] = [(branch, 0, False)]
        while stack:
            value, depth, used = stack.pop()
            if not isinstance(value, Tensor) or depth > _DEEPEST or not (used or id(value) in living):
                continue
            inner = value.operation
            found = hazard(inner, id(value) in living, used)
            if found is not None:
                position, regions = found
                risky = inner.inputs[position]
                comparison = next(
                    (
                        each
                        for each in comparisons
                        if guards(each, risky, regions, index != 0 if each in plain else None, given)
                    ),
                    None,
                )
                if comparison is not None and not protected(risky):
                    yield Unguarded(operation, inner, risky, position, comparison, condition, index == 0)
                shifted = (
                    each for each in plain if spoilt_where_discarded(program, each, risky, regions, index != 0, given)
                )
                if comparison is None and (moved := next(shifted, None)) is not None:
                    yield Unguarded(operation, inner, risky, position, moved, condition, index == 0, shifted=True)
            if inner.name in OVERFLOWING:
                beyond = next((each for each in plain if overflows(inner, each, index == 0, given)), None)
                if beyond is not None:
                    yield Unguarded(operation, inner, inner.inputs[0], 0, beyond, condition, index == 0)
            if inner.name in _ELEMENTWISE:
                for place, part in enumerate(inner.inputs):
                    stack.append((part, depth + 1, used or _uses(inner, place, living)))


def _uses(operation: Operation, place: int, living: set[int]) -> bool:
    """Whether the gradient of another input, or of this one, is multiplied with the value of this input."""
    if operation.name in _USING:
        return True
    if operation.name in ("divide", "truediv") and place == 1:
        return True
    others = operation.inputs[:place] + operation.inputs[place + 1 :]
    return operation.name in ("multiply", "divide", "truediv") and any(
        id(other) in living or (isinstance(other, Variable) and other is not operation.inputs[place])
        for other in others
    )


def _comparisons(value: Value) -> Iterator[Operation]:
    if isinstance(value, Tensor):
        if value.operation.name in _COMPARING:
            yield value.operation
        elif value.operation.name in _LOGICAL:
            for part in value.operation.inputs:
                yield from _comparisons(part)


def mend(program: Program, found: Finding) -> Mendings:
    """The double where."""
    from regrad.codemods.engine.moving import replace_expression

    if isinstance(found.evidence, Missing):
        return known_targets(program, found.evidence)
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
    known = _known_condition(program, bare, condition, path)
    if known is None:
        return Withheld("the condition is made later than the operation; make it first", pattern)
    text, kept = known
    callee, value = program.source(where.func, path), program.source(risky, path)
    guarded = f"{callee}({text}, {value}, 1.0)" if kept else f"{callee}({text}, 1.0, {value})"
    if bare.where.name == "select" or callee.startswith(("keras.backend.", "K.")):
        return Withheld("write the double where", guarded)
    held = held_on_its_side(program, bare.comparison, bare.value, risky, bare.first, callee, path)
    if bare.shifted and held is not None:
        edits = replace_expression(program.files[path], program.trees[path], *held)
        return (Mending("hold the argument on its side", Safety.SAFE, edits, "only what is discarded changes"),)
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


def _known_condition(
    program: Program, bare: Unguarded, condition: ast.expr | None, path: str
) -> tuple[str, bool] | None:
    """What tells, where the operation stands, which elements are kept, and whether they are those where it holds.

    Of a condition that is made later, the comparison about this value may be known by then.
    """
    if condition is None:
        return None
    inside = (
        any(each is bare.operation.node for each in ast.walk(bare.where.node)) if bare.where.node is not None else False
    )
    if inside or bare.condition.operation.serial < bare.operation.serial:
        return program.source(condition, path), bare.first
    made, kept = bare.comparison.node, _on_kept_elements(bare.condition, bare.comparison, bare.first)
    known = all(
        not isinstance(part, Tensor) or part.operation.serial < bare.operation.serial for part in bare.comparison.inputs
    )
    if made is None or kept is None or not known or bare.comparison.frame is not bare.operation.frame:
        return None
    if _bound_between(program, bare.operation.node, made, path):
        return None
    return program.source(made, path), kept


def _on_kept_elements(condition: Value, comparison: Operation, wanted: bool) -> bool | None:
    """What a comparison says of each element for which the condition is as wanted; None where it may say either."""
    if not isinstance(condition, Tensor):
        return None
    operation = condition.operation
    if operation is comparison:
        return wanted
    if operation.name == "logical_not":
        wanted = not wanted
    elif operation.name != ("logical_and" if wanted else "logical_or"):
        return None
    said = (_on_kept_elements(part, comparison, wanted) for part in operation.inputs)
    return next((each for each in said if each is not None), None)


def _bound_between(program: Program, operation: ast.AST | None, comparison: ast.AST, path: str) -> bool:
    """Whether a name of the comparison is bound anew behind the operation, so that it reads otherwise there."""
    start, end = getattr(operation, "end_lineno", 0), getattr(comparison, "lineno", 0)
    read = loaded(comparison)
    return end < start or any(
        node.id in read and not isinstance(node.ctx, ast.Load) and start <= node.lineno <= end
        for node in program.nodes_of(path, ast.Name)
    )


RULE = Rule(CODE, NAME, "safe", "only values that `tf.where` discards are computed from another argument", detect, mend)
