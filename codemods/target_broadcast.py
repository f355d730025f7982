"""RG303 target-broadcast: every sample is compared with every other, since the target lacks an axis.

What it does
------------
Reports, in a loss written by hand under a tape, the difference of a prediction of shape `(n, 1)` and a target of
shape `(n,)`.

Why gradients stop
------------------
NumPy's rules stretch the two to `(n, n)`: each prediction is compared with all targets. The mean of that is
smallest where every prediction is the mean of the targets, so what the samples say about their own targets cancels
out. The program runs, the loss falls a little, and the model answers the same for every input.

Example
-------
Broken::

    loss = tf.reduce_mean(tf.square(y - model(x)))

Mended::

    loss = tf.reduce_mean(tf.square(y[:, None] - model(x)))

The fix and its safety
----------------------
The target gets the axis. Safe: the model computes what it computed, and each prediction is compared with its own
target.

When it stays silent
--------------------
When either shape is not known, for the losses of the library and for functions given to `compile` (Keras brings both
to one rank itself), for differences of two predictions or two arrays (distances of all pairs), and where only the mean
of all differences is taken, which is the same.

References
----------
- NumPy, "Broadcasting".
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from regrad.analysis.flow import Flow
from regrad.analysis.library.heads import head_of
from regrad.analysis.operators import shape_of
from regrad.analysis.program import Program
from regrad.analysis.values import Operation, Tensor, Value
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.operations_of import tensors
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Rule, Safety, Withheld

CODE, NAME = "RG303", "target-broadcast"
_MEANS = frozenset({"mean", "reduce_mean"})
_DIFFERENCES = frozenset({"subtract", "squared_difference"})


def detect(program: Program) -> Iterable[Finding]:
    seen: set[int] = set()
    for tensor in tensors(program):
        operation = tensor.operation
        if operation.name not in _DIFFERENCES or operation.node is None or operation.frame is None:
            continue
        if id(operation.node) in seen or len(operation.inputs) != 2 or not operation.tapes:
            continue
        if any(tape.implicit for tape in operation.tapes):
            continue
        place = _target_of(operation)
        if place is None or _only_averaged(program, tensor):
            continue
        seen.add(id(operation.node))
        message = "shapes (n,) and (n, 1) make (n, n): every prediction is compared with every target"
        location = program.location(operation.node, operation.frame)
        yield Finding(CODE, NAME, message, location, None, (), (), (operation, place))


def _target_of(operation: Operation) -> int | None:
    """Which of the two is the target without its axis."""
    for place in (0, 1):
        target, prediction = operation.inputs[place], operation.inputs[1 - place]
        if _is_target(target) and _is_prediction(prediction):
            return place
    return None


def _only_averaged(program: Program, difference: Tensor) -> bool:
    """Whether nothing but the mean of all differences is taken: that of every pair is that of the pairs meant."""
    if difference.operation.name != "subtract":
        return False
    users = [each for each in tensors(program) if any(part is difference for part in each.operation.inputs)]
    return bool(users) and all(user.operation.name in _MEANS and user.shape == () for user in users)


def _is_target(value: Value) -> bool:
    shape = shape_of(value)
    if not isinstance(value, Tensor) or shape is None or len(shape) != 1 or shape[0] == 1:
        return False
    reach = Flow(None, full=True).reach(value)
    return not reach.sources and not reach.anything and not reach.data


def _is_prediction(value: Value) -> bool:
    shape = shape_of(value)
    if not isinstance(value, Tensor) or shape is None or len(shape) != 2 or shape[1] != 1 or shape[0] == 1:
        return False
    if head_of(value).dense is not None:
        return True
    return value.operation.name in ("matmul", "add", "bias_add") and bool(Flow(None).reach(value).sources)


def mend(program: Program, finding: Finding) -> Mendings:
    operation, place = finding.evidence
    try:
        edits = _edits(program, operation, place)
    except CannotMove as problem:
        return Withheld(problem.reason, "y = tf.reshape(y, (-1, 1))")
    return [Mending("give the target its second axis", Safety.SAFE, edits, keeps_loss=False, seen_in_step=False)]


def _edits(program: Program, operation: Operation, place: int) -> tuple[Edit, ...]:
    node = operation.node
    operand: ast.expr | None = None
    if isinstance(node, ast.BinOp):
        operand = (node.left, node.right)[place]
    elif isinstance(node, ast.Call) and len(node.args) == 2:
        operand = node.args[place]
    if operand is None or operation.frame is None:
        raise CannotMove("the target is not written out in the difference")
    path = operation.frame.path
    source = program.files[path]
    text = source.segment(source.span(operand))
    simple = isinstance(operand, (ast.Name, ast.Attribute, ast.Subscript, ast.Call))
    return (Edit(path, source.span(operand), f"{text}[:, None]" if simple else f"({text})[:, None]"),)


RULE = Rule(
    CODE, NAME, "safe", "Each prediction is compared with its own target; the model is untouched.", detect, mend
)
