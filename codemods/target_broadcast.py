"""RG303 target-broadcast: every sample is compared with every other, since the target lacks an axis.

What it does
------------
Reports, in a loss written by hand, the difference of a prediction of shape `(n, 1)` and a target of shape `(n,)`; and
the sum, product or difference of such two in the targets that are made for it (`reward + gamma * target(next_state)`,
`returns - values`); and weights of shape `(n,)` for what predictions of shape `(n, 1)` lost.

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
The target gets the axis; where the result meets values of shape `(n,)` further on (weights, losses per sample), the
prediction loses its second one. Where it meets both, or something whose shape is not known, nothing is offered. A
function that is called with other shapes as well is left as it is, and the argument of the one call gets the axis.
Safe: the model computes what it computed, and each prediction meets its own target.

When it stays silent
--------------------
When either shape is not known, for the losses of the library and for functions given to `compile` (Keras brings both
to one rank itself), for differences of two predictions or two arrays (distances of all pairs), and where only the mean
of all differences is taken, which is the same. When all pairs are meant: the two are known to be of different length,
rows or columns are looked at (a softmax, a minimum or a sum along one axis that is computed with), the result meets a
matrix or a grid of numbers in a column, or the same is computed of the pairs of one value (energy distances, kernels).

References
----------
- NumPy, "Broadcasting".
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from regrad.analysis.events import GradientTaken
from regrad.analysis.flow import Flow
from regrad.analysis.library.heads import head_of
from regrad.analysis.operators import shape_of
from regrad.analysis.program import Program
from regrad.analysis.values import Operation, Tape, Tensor, Value
from regrad.codemods.engine import stretched
from regrad.codemods.engine.handed_operand import at_call, serves_others
from regrad.codemods.engine.layout import CannotMove
from regrad.codemods.engine.operations_of import reached, tensors
from regrad.codemods.engine.per_sample import fit, laid_out, number_by_number
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Rule, Safety, Withheld

CODE, NAME = "RG303", "target-broadcast"
_MEANS = frozenset({"mean", "reduce_mean"})
_DIFFERENCES = frozenset({"subtract", "squared_difference"})
_COMBINING = frozenset({"add", "multiply", "subtract"})
_WEIGHING = frozenset({"multiply", "divide", "truediv"})
_NUMBER_BY_NUMBER = frozenset({"add", "multiply", "subtract", "divide", "negative", "stop_gradient"})
_DEEPEST = 8


class Stretched(NamedTuple):
    """An operation of a prediction and of the operand at `place`, which lacks its axis.

    `rank` is that of what the result meets next, where it is known: the one that both must have. `doubt` says why it
    is not certain that a change would be right, `shared` that the same line meets values of other shapes as well.
    """

    operation: Operation
    place: int
    rank: int | None
    doubt: str | None
    shared: bool


def detect(program: Program) -> Iterable[Finding]:
    seen: set[int] = set()
    for tensor in tensors(program):
        operation = tensor.operation
        name = operation.name
        if name not in _DIFFERENCES | _COMBINING | _WEIGHING or operation.node is None or operation.frame is None:
            continue
        if id(operation.node) in seen or len(operation.inputs) != 2:
            continue
        recorded = bool(operation.tapes)
        if any(tape.implicit for tape in operation.tapes) or not (
            (recorded and name in _DIFFERENCES) or id(tensor) in _of_losses(program)
        ):
            continue
        place = _target_of(operation)
        weighing = place is None and recorded and name in _WEIGHING
        if weighing:
            place = _weights_of(operation)
        if place is None or _only_averaged(program, tensor):
            continue
        if not fit(operation.inputs[place], operation.inputs[1 - place]):
            continue
        fate = stretched.fate(program, tensor, _lacks_an_axis)
        if fate.meant or (weighing and not fate.straight):
            continue
        seen.add(id(operation.node))
        in_the_loss = recorded and name in _DIFFERENCES | _WEIGHING
        rank = _rank(fate, in_the_loss)
        shared = not stretched.alike_everywhere(program, tensor, place) or _serves_others(program, operation)
        message = "shapes (n,) and (n, 1) make (n, n): every prediction " + (
            "is compared with every target"
            if recorded and name in _DIFFERENCES
            else "meets the numbers of every sample"
        )
        location = program.location(operation.node, operation.frame)
        evidence = Stretched(operation, place, rank, fate.doubt, shared)
        yield Finding(CODE, NAME, message, location, None, (), (), evidence)


def _lacks_an_axis(tensor: Tensor) -> bool:
    """Whether it is reported by itself, if it goes into a loss."""
    operation = tensor.operation
    names = _DIFFERENCES | _COMBINING | _WEIGHING
    return (
        operation.name in names
        and len(operation.inputs) == 2
        and (_target_of(operation) is not None or _weights_of(operation) is not None)
    )


def _serves_others(program: Program, operation: Operation) -> bool:
    """Whether the function that does this is called from elsewhere too, where nothing is known of what it is given."""
    assert operation.frame is not None
    known = [
        each.operation.frame.call
        for each in tensors(program)
        if each.operation.node is operation.node and each.operation.frame is not None
    ]
    return serves_others(program, operation.frame, known)


def _of_losses(program: Program) -> frozenset[int]:
    """The identities of all tensors that a loss under a tape is made from, on the record or off it."""
    return program.once(_made_for_losses)


def _made_for_losses(program: Program) -> frozenset[int]:
    return frozenset(
        id(tensor)
        for sink in program.sinks
        if sink.kind == "tape" and isinstance(sink.event, GradientTaken)
        for tensor in reached(iter([sink.target]))
    )


def _rank(fate: stretched.Fate, in_the_loss: bool) -> int | None:
    """The rank that both must have for the values per sample that the result meets on its way into the loss.

    What else lacks its axis is reported by itself: next to a prediction of shape `(n, 1)` it gets its own.
    """
    rank: int | None
    if in_the_loss and not fate.columns:
        rank = 1 if fate.flat else 2
    elif any(not _is_target(part) for _, part in fate.flat):
        rank = None if fate.columns else 1
    elif fate.columns and {name for name, _ in fate.flat} <= _DIFFERENCES | _COMBINING:
        rank = 2
    else:
        rank = None
    # A sum along the second axis needs one.
    return None if rank == 1 and fate.summed else rank


def _target_of(operation: Operation) -> int | None:
    """Which of the two is the target without its axis."""
    for place in (0, 1):
        target, prediction = operation.inputs[place], operation.inputs[1 - place]
        if _is_target(target, operation.tapes) and _is_prediction(prediction):
            return place
    return None


def _weights_of(operation: Operation) -> int | None:
    """Which of the two is a weight for each sample, where the other one is what the predictions lost."""
    for place in (0, 1):
        weights, losses = operation.inputs[place], operation.inputs[1 - place]
        if _is_target(weights, operation.tapes) and not laid_out(weights) and _of_prediction(losses):
            return place
    return None


def _of_prediction(value: Value, depth: int = 0) -> bool:
    """Whether it is computed from a prediction of shape `(n, 1)`, number by number."""
    shape = shape_of(value)
    if not isinstance(value, Tensor) or shape is None or len(shape) != 2 or shape[1] != 1 or depth > _DEEPEST:
        return False
    return _is_prediction(value) or (
        number_by_number(value) and any(_of_prediction(part, depth + 1) for part in value.operation.inputs)
    )


def _only_averaged(program: Program, difference: Tensor) -> bool:
    """Whether nothing but the mean of all differences is taken: that of every pair is that of the pairs meant."""
    if difference.operation.name != "subtract":
        return False
    users = [each for each in tensors(program) if any(part is difference for part in each.operation.inputs)]
    return bool(users) and all(user.operation.name in _MEANS and user.shape == () for user in users)


def _is_target(value: Value, tapes: tuple[Tape, ...] = ()) -> bool:
    """Whether it is one number for each sample that no gradient comes through: data, or what a model said before."""
    shape = shape_of(value)
    if not isinstance(value, Tensor) or shape is None or len(shape) != 1 or shape[0] == 1:
        return False
    reach = Flow(None, full=True).reach(value)
    if reach.anything or reach.data:
        return False
    return not reach.sources or (bool(tapes) and not any(Flow(tape).arrives(value) for tape in tapes))


def _is_prediction(value: Value, depth: int = 0) -> bool:
    """Whether it is what a model of one unit gives, or that scaled and shifted number by number."""
    shape = shape_of(value)
    if not isinstance(value, Tensor) or shape is None or len(shape) != 2 or shape[1] != 1 or shape[0] == 1:
        return False
    if head_of(value).dense is not None or value.operation.kind == "model":
        return True
    if value.operation.name in _NUMBER_BY_NUMBER and depth < _DEEPEST:
        return any(_is_prediction(part, depth + 1) for part in value.operation.inputs)
    return value.operation.name in ("matmul", "bias_add") and bool(Flow(None).reach(value).sources)


def mend(program: Program, finding: Finding) -> Mendings:
    found: Stretched = finding.evidence
    place = found.place
    if found.doubt is not None:
        return Withheld(found.doubt, "y = tf.reshape(y, (-1, 1))")
    try:
        if found.rank == 1:
            edits, title = _edits(program, found, 1 - place, "[:, 0]"), "take the second axis from the prediction"
        elif found.rank == 2:
            edits, title = _edits(program, found, place, "[:, None]"), "give the target its second axis"
        else:
            return Withheld("which of the two shapes is wanted further on is not known", "prediction[:, 0]")
    except CannotMove as problem:
        return Withheld(problem.reason, "y = tf.reshape(y, (-1, 1))")
    return [Mending(title, Safety.SAFE, edits, keeps_loss=False, seen_in_step=False)]


def _edits(program: Program, found: Stretched, place: int, index: str) -> tuple[Edit, ...]:
    operation = found.operation
    node = operation.node
    operand: ast.expr | None = None
    if isinstance(node, ast.BinOp):
        operand = (node.left, node.right)[place]
    elif isinstance(node, ast.Call) and len(node.args) == 2:
        operand = node.args[place]
    if operand is None or operation.frame is None:
        raise CannotMove("the target is not written out in the difference")
    path = operation.frame.path
    if found.shared:
        path, operand = at_call(operation.frame, operand)
    source = program.files[path]
    span = source.span(operand)
    text = source.segment(span)
    if isinstance(operand, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)):
        return (Edit(path, span, f"{text}{index}"),)
    return (Edit(path, span, f"({text}){index}"),)


RULE = Rule(
    CODE, NAME, "safe", "Each prediction is compared with its own target; the model is untouched.", detect, mend
)
