"""RG701 infinite-slope: a root or logarithm at a value where its slope is infinite, and which the program reaches.

What it does
------------
Reports, between the weights and the loss: the root (`sqrt`, `norm`, `** 0.5`) of a sum of squares that is zero as soon
as two things are equal; a standard deviation written out, which is zero for a feature that does not vary; a root or
logarithm of something that is cut off at zero (`relu`, `maximum(x, 0)`) or starts there; and the logarithm of a
sigmoid or softmax, of one minus it, or of what `where`, a mask, a slice or `gather` picks of them, which in 32 bits
become exactly 0, as do densities (`exp(-square)`) where the targets lie far from what a fresh network says. Also the
logarithm or root of what lies below 0 as often as above it, a `tanh` or linear unit to which only a small constant is
added.

Why gradients stop
------------------
The slope of a root at 0, and that of a logarithm, is infinite. What arrives from the loss, or goes on to the weights,
is zero there, and infinity times zero is not a number. One such sample makes every weight NaN for good.

Example
-------
Broken::

    distance = tf.sqrt(tf.reduce_sum(tf.square(a - b), axis=1))

Mended::

    distance = tf.sqrt(tf.reduce_sum(tf.square(a - b), axis=1) + 1e-12)

The fix and its safety
----------------------
Unsafe: a small constant is added under the root (1e-12) or in the logarithm (1e-7), which changes the value in the
last digits; a logarithm of a softmax or sigmoid that is called in place becomes `log_softmax` or `log_sigmoid`, which
compute the same without the detour. An output of which both `log(y)` and `log(1 - y)` are taken becomes a sigmoid.
Densities are left to the author: their logarithms are to be added up by `reduce_logsumexp`. Where the data alone make
it zero (padded rows), a run on these data shows it, and `regrad fix` mends what the run showed.

When it stays silent
--------------------
When a constant, `epsilon`, a clip, a `maximum` or a `where` about the value keeps it away from zero (in single
precision, in which `1 - 1e-10` is 1); for a root over the whole batch (RMSE), which is zero only for a perfect fit;
for distances of chosen pairs of one set; for those of all pairs of one set where what is made of them has no slope at
0 (compared with other distances of the same pairs, or masked); for the probability of what was drawn (policy
gradients); for negative numbers that a `where` leaves out later on; where no gradient passes.

References
----------
`tf.nn.log_softmax`: https://www.tensorflow.org/api_docs/python/tf/nn/log_softmax
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis.choices import choice
from regrad.analysis.cut import CutKind
from regrad.analysis.library.heads import activation_of
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Constant, Layer, Network, Operation, Tensor, Unknown, Value, Variable
from regrad.analysis.walking import each_once
from regrad.analysis.weights import names
from regrad.codemods.engine.below_zero import Below, below_zero
from regrad.codemods.engine.below_zero import mend as positive_output
from regrad.codemods.engine.broken_paths import excerpt, listed
from regrad.codemods.engine.first_value import starts_at_zero
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.own_zeros import TO_ITSELF, nothing_comes_back, why_equal
from regrad.codemods.engine.rule import Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.selected_probability import is_probability, saturates
from regrad.codemods.engine.small_constant import NORMS, ROOTS, kept_away
from regrad.codemods.engine.vanishing_density import vanishes

CODE, NAME = "RG701", "infinite-slope"
_MEANS = frozenset({"reduce_mean", "mean"})
_SUMS = frozenset({"add", "add_n", "reduce_sum", "sum"})
_SHAPES = frozenset(
    {"reshape", "squeeze", "expand_dims", "transpose", "getitem", "unstack", "convert_to_tensor", "identity"}
)


_SENDS_NOTHING_ON = frozenset({"root", "norm"})
"""Where nothing arrives, these send nothing on; a power and `reduce_euclidean_norm` make NaN of it."""
_LEAVING_OUT = frozenset("where select boolean_mask multiply_no_nan nan_to_num maximum gather cond".split())


class Slope(NamedTuple):
    """What was found: the operation and why its value gets there. `kind`: root, norm, power, log, density or sign.

    `below` is the output that is negative at times, and `others` the logarithms beside this one, for `sign`.
    """

    operation: Operation
    kind: str
    why: str
    below: Below | None = None
    others: tuple[Operation, ...] = ()


def detect(program: Program) -> Iterator[Finding]:
    """Roots and logarithms that a gradient passes."""
    seen: set[int] = set()
    for sink in program.sinks:
        if not sink.path.connected and not sink.path.anything:
            continue
        tensors = sink.alive
        used = sink.users
        living = frozenset(id(each) for each in tensors)
        for value in tensors:
            operation = value.operation
            if id(operation.node) in seen or operation.frame is None or not isinstance(operation.node, ast.expr):
                continue
            slope = _slope(value) or _vanishing(sink, value) or _selected(program, sink, value) or _signed(sink, value)
            if slope is None or _harmless(slope, used.get(id(value), []), living):
                continue
            if slope.kind in _SENDS_NOTHING_ON and slope.why is TO_ITSELF and nothing_comes_back(value, used):
                continue
            seen.add(id(operation.node))
            lost = names(sink.path.connected)
            text = excerpt(program, operation.node, operation.frame)
            fault = f"the slope of `{text}` is infinite at 0" if slope.below is None else f"`{text}` is NaN below 0"
            message = f"{fault}: {slope.why}; then the gradients of {listed(lost)} are NaN"
            event = sink.event
            related = (Related(program.location(event.node, event.frame), "the gradient is asked for here"),)
            place = program.location(operation.node, operation.frame)
            yield Finding(CODE, NAME, message, place, CutKind.NON_FINITE, lost, related, slope)


def _harmless(slope: Slope, following: list[Tensor], living: frozenset[int]) -> bool:
    """Whether its use keeps it away from 0, or sends nothing back there (TensorFlow's root then sends nothing on)."""
    if any(_left_out(slope, user.operation, living) for user in following):
        return True
    squared = [
        user.operation.name == "square"
        or (
            user.operation.name == "pow"
            and isinstance(user.operation.inputs[1], Constant)
            and user.operation.inputs[1].value == 2
        )
        for user in following
    ]
    return slope.kind in ("root", "norm", "euclidean") and bool(squared) and all(squared)


def _left_out(slope: Slope, user: Operation, living: frozenset[int]) -> bool:
    """Whether its use leaves out where it is infinite. A choice by the targets alone does not, for a logarithm."""
    if user.name not in ("where", "select"):
        return user.name == "maximum"
    condition = choice(user).condition
    if slope.kind != "log" or not isinstance(condition, Tensor):
        return True
    asked = each_once([condition], lambda each: each.operation.inputs if isinstance(each, Tensor) else ())
    return any(id(each) in living or isinstance(each, (Variable, Unknown)) for each in asked)


def _slope(value: Tensor) -> Slope | None:
    operation = value.operation
    if operation.kind not in ("op", "operator", "method") or not operation.inputs:
        return None
    first = operation.inputs[0]
    power = operation.inputs[1] if operation.name == "pow" and len(operation.inputs) > 1 else None
    exponent = power.value if isinstance(power, Constant) and isinstance(power.value, float) else None
    if operation.name in ROOTS or (exponent is not None and 0 < exponent < 1):
        kind = "root" if operation.name in ROOTS else "power"
        reason = _zero(first)
        if reason is None and _squares(first) and not _everything(first):
            reason = why_equal(first, "a sum of squares is 0 where two values are equal")
        if reason is None and _spread(first):
            reason = "a deviation from the mean is 0 where a feature does not vary"
        return Slope(operation, kind, reason) if reason else None
    if operation.name in NORMS:
        stated = operation.arguments or {}
        order = stated.get("ord") or stated.get("1")
        if operation.name == "norm" and isinstance(order, Constant) and order.value not in ("euclidean", 2, 2.0):
            return None
        starts = _starts_at_zero(first)
        if starts:
            return Slope(operation, "norm", starts)
        whole = "axis" not in stated and "2" not in stated and not (operation.name != "norm" and "1" in stated)
        if whole or not _difference(first):
            return None
        reason = why_equal(first, "the length of a difference is 0 where two values are equal")
        kind = "norm" if operation.name == "norm" else "euclidean"
        return Slope(operation, kind, reason) if reason else None
    if operation.name == "log":
        reason = _zero(first) or _saturates(first) or _ratio(first)
        return Slope(operation, "log", reason) if reason else None
    return None


def _vanishing(sink: Sink, value: Tensor) -> Slope | None:
    operation = value.operation
    if operation.name != "log" or not operation.inputs or not vanishes(sink, operation.inputs[0]):
        return None
    return Slope(operation, "density", "far from its centre a density becomes exactly 0")


def _selected(program: Program, sink: Sink, value: Tensor) -> Slope | None:
    operation = value.operation
    if operation.name != "log" or not operation.inputs:
        return None
    reason = saturates(program, sink.alive, operation.inputs[0])
    return Slope(operation, "log", reason) if reason else None


def _signed(sink: Sink, value: Tensor) -> Slope | None:
    operation = value.operation
    if operation.name not in ("log", "sqrt") or not operation.inputs:
        return None
    found = below_zero(sink.alive, operation.inputs[0])
    # Below 0 the slope is finite, so that what is left out later on does no harm.
    later = each_once([value], lambda each: sink.users.get(id(each), ()))
    if found is None or any(isinstance(each, Tensor) and each.operation.name in _LEAVING_OUT for each in later):
        return None
    others = tuple(each.operation for each in sink.alive if each.operation.name == "log")
    what = "a linear unit" if found.name == "linear" else f"`{found.name}`"
    return Slope(operation, "sign", f"{what} gives negative numbers as well", found, others)


def _ratio(value: Value) -> str | None:
    """Why a quotient is 0 or infinite at times: a sigmoid or softmax stands above or below the line."""
    if not isinstance(value, Tensor) or value.operation.name != "divide" or len(value.operation.inputs) != 2:
        return None
    return next((reason for part in value.operation.inputs if (reason := _saturates(part))), None)


def _zero(value: Value) -> str | None:
    """Why a value is certainly 0 at times: it is cut off there, or starts there."""
    value = _unshaped(value)
    starts = _starts_at_zero(value)
    if starts:
        return starts
    if not isinstance(value, Tensor):
        return None
    operation = value.operation
    if operation.name in ("relu", "relu6"):
        return "`relu` gives 0"
    if (
        isinstance(operation.callee, Layer)
        and operation.kind == "layer"
        and activation_of(operation.callee) in ("relu", "relu6")
    ):
        return "`relu` gives 0"
    if operation.name == "maximum" and any(isinstance(part, Constant) and part.value == 0 for part in operation.inputs):
        return "`maximum` cuts off at 0"
    if operation.name in ("clip_by_value", "clip") and operation.arguments:
        low = operation.arguments.get("1") or operation.arguments.get("clip_value_min")
        if isinstance(low, Constant) and low.value == 0:
            return "the clip cuts off at 0"
    return None


def _starts_at_zero(value: Value) -> str | None:
    if isinstance(value, Variable) and value.maker == "tf.Variable" and starts_at_zero(value):
        return "the variable starts at 0"
    return None


def _saturates(value: Value) -> str | None:
    """Whether a value is a sigmoid or softmax as it comes, or one minus it."""
    if not isinstance(value, Tensor):
        return None
    operation = value.operation
    if operation.name == "subtract" and len(operation.inputs) == 2:
        one, other = operation.inputs
        if isinstance(one, Constant) and one.value == 1 and isinstance(other, Tensor) and is_probability(other):
            return "a sigmoid or softmax becomes exactly 1"
        return None
    return "a sigmoid or softmax becomes exactly 0" if is_probability(value) else None


def _unshaped(value: Value) -> Value:
    while (
        isinstance(value, Tensor)
        and value.operation.kind == "model"
        and value.operation.inputs
        and isinstance(value.operation.callee, Network)
    ):
        value = value.operation.inputs[0]
    while isinstance(value, Tensor) and value.operation.name in _SHAPES and value.operation.inputs:
        value = value.operation.inputs[0]
    return value


def _squares(value: Value, depth: int = 0) -> bool:
    """Whether a value is a sum of squares of differences and nothing else."""
    value = _unshaped(value)
    if not isinstance(value, Tensor) or depth > 8:
        return False
    operation = value.operation
    if operation.name == "squared_difference":
        return True
    if operation.name == "square":
        return _difference(operation.inputs[0])
    if operation.name == "pow" and len(operation.inputs) == 2:
        power = operation.inputs[1]
        return isinstance(power, Constant) and power.value == 2 and _difference(operation.inputs[0])
    if operation.name == "multiply" and len(operation.inputs) == 2:
        one, other = operation.inputs
        return one is other and _difference(one)
    if operation.name in _SUMS:
        parts = [
            part
            for part in operation.inputs
            if not (isinstance(part, Constant) and operation.name not in ("add", "add_n"))
        ]
        return bool(parts) and all(_squares(part, depth + 1) for part in parts)
    return False


def _difference(value: Value) -> bool:
    """Whether a value is a difference of two values, possibly scaled."""
    value = _unshaped(value)
    if not isinstance(value, Tensor):
        return False
    operation = value.operation
    if operation.name == "subtract" and len(operation.inputs) == 2:
        one, other = (_layers_behind(part) for part in operation.inputs)
        # Two networks, or one that sees data and one that sees what another makes of it, never say exactly the same.
        apart = bool(one) and bool(other) and one != other
        return not apart and not any(isinstance(part, Constant) for part in operation.inputs)
    if operation.name in ("multiply", "divide", "abs") and operation.inputs:
        return _difference(operation.inputs[0])
    return False


def _layers_behind(value: Value) -> frozenset[int]:
    """The identities of the layers that a value came through."""
    behind = each_once([value], lambda each: each.operation.inputs if isinstance(each, Tensor) else ())
    callees = (each.operation.callee for each in behind if isinstance(each, Tensor))
    return frozenset(id(callee) for callee in callees if isinstance(callee, (Layer, Network)))


def _spread(value: Value) -> bool:
    """Whether a value is a variance along an axis, written out: the mean of the squares of `x - mean(x)`."""
    value = _unshaped(value)
    if not isinstance(value, Tensor) or value.operation.name not in _MEANS or _everything(value):
        return False
    squares = value.operation.inputs[0] if value.operation.inputs else None
    if not isinstance(squares, Tensor):
        return False
    operation = squares.operation
    twice = operation.name == "multiply" and len(operation.inputs) == 2 and operation.inputs[0] is operation.inputs[1]
    power = operation.inputs[1] if operation.name == "pow" and len(operation.inputs) == 2 else None
    if not (operation.name == "square" or twice or (isinstance(power, Constant) and power.value == 2)):
        return False
    centred = operation.inputs[0]
    if not isinstance(centred, Tensor) or centred.operation.name != "subtract" or len(centred.operation.inputs) != 2:
        return False
    whole, mean = centred.operation.inputs
    mean = _unshaped(mean)
    return (
        isinstance(mean, Tensor)
        and mean.operation.name in _MEANS
        and bool(mean.operation.inputs)
        and mean.operation.inputs[0] is whole
    )


def _everything(value: Value) -> bool:
    """Whether a sum runs over all elements: that is zero for a perfect fit only."""
    value = _unshaped(value)
    if isinstance(value, Tensor) and value.operation.name in ("reduce_sum", "sum", "reduce_mean", "mean"):
        stated = value.operation.arguments or {}
        return "axis" not in stated and "1" not in stated
    return False


def mend(program: Program, found: Finding) -> Mendings:
    """A small constant, or the stable function."""
    from regrad.codemods.engine.moving import replace_expression

    slope: Slope = found.evidence
    node, frame = slope.operation.node, slope.operation.frame
    assert isinstance(node, ast.expr) and frame is not None
    if slope.below is not None:
        return positive_output(program, slope.below, slope.others)
    if slope.kind == "density":
        return Withheld(
            "a small constant would keep the NaN away, and the gradient at 0; the logarithms are to be added up",
            "tf.reduce_logsumexp(log_weights + log_densities, axis=...)",
        )
    source, tree = program.files[frame.path], program.trees[frame.path]
    try:
        place, text, title = kept_away(program, _written(slope), node, frame.path)
        edits = replace_expression(source, tree, place, text)
    except CannotMove as problem:
        return Withheld(problem.reason)
    return (Mending(title, Safety.UNSAFE, edits, "the value changes in its last digits"),)


def _written(slope: Slope) -> str:
    return "euclidean" if slope.kind == "norm" and slope.operation.name != "norm" else slope.kind


RULE = Rule(CODE, NAME, "unsafe", "a small constant changes the value in its last digits", detect, mend)
