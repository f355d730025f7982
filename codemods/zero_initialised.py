"""RG703 zero-initialised: a hidden layer whose weights all start alike, so that its units never become different.

What it does
------------
Reports a hidden kernel that starts at zero (or at one constant) where that provably stops learning: the next kernel
starts constant as well, or a `relu` behind it is shut; and two embeddings, or the two factors of a low-rank matrix,
that start at zero and are multiplied. `kernel_initializer="zeros"` of a layer, `tf.Variable(tf.zeros(...))` (or
`np.zeros`, also under a name), `add_weight(initializer=...)` and
`get_variable(..., initializer=tf.zeros_initializer())` in a product are seen, whether it stands in front of its input
(`W @ x`) or behind it, also where the initializer is handed down through arguments: it is changed where it is chosen.

Why gradients stop
------------------
All units of such a layer compute the same. With a constant kernel behind it they also receive the same gradient
(zero, if that kernel is zero), and stay alike for ever: the layer is one unit at most. With `relu` after a zero
kernel and bias, the slope is exactly zero from the first step on.

Example
-------
Broken::

    model.add(Dense(64, activation="relu", kernel_initializer="zeros"))
    model.add(Dense(10, activation="softmax"))

Mended::

    model.add(Dense(64, activation="relu"))
    model.add(Dense(10, activation="softmax"))

The fix and its safety
----------------------
Unsafe: the layer starts from Keras' default (Glorot uniform), a plain variable from a truncated normal distribution
with a deviation of 0.1, and so does the next one where it is constant too; of two factors without an activation between
them only the first one, so that the model computes what it computed until they have moved. What is trained changes, as
is meant.

When it stays silent
--------------------
For biases; for a single layer (softmax regression) and last layers, whose gradient is not zero; for zero kernels
between random ones that still learn (behind `tanh` or nothing); for residual branches, gates, LoRA's second matrix and
whatever else goes more than one way; for weights that are loaded or assigned; in unit tests, which want known numbers.

References
----------
I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 8.4 (breaking the symmetry):
https://www.deeplearningbook.org/contents/optimization.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from regrad.analysis import freshness
from regrad.analysis.events import Assigned
from regrad.analysis.frames import Frame
from regrad.analysis.library.heads import activation_of
from regrad.analysis.program import Program
from regrad.analysis.sinks import Sink
from regrad.analysis.values import Constant, External, Layer, Operation, Tensor, Unknown, Value, Variable
from regrad.analysis.weights import describe, flag
from regrad.codemods.engine.broken_paths import excerpt
from regrad.codemods.engine.filled_start import filled
from regrad.codemods.engine.rule import Edit, Finding, Mending, Mendings, Related, Rule, Safety, Withheld
from regrad.codemods.engine.surroundings import owners

CODE, NAME = "RG703", "zero-initialised"
_ZEROS = frozenset({"zeros", "zero", "Zeros", "zeros_initializer"})
_CONSTANTS = _ZEROS | {"ones", "one", "Ones", "ones_initializer", "constant", "Constant", "constant_initializer"}
_WEIGHTED = frozenset({"Dense", "Conv1D", "Conv2D", "Conv3D"})
_ALIKE = frozenset(
    "Activation ReLU LeakyReLU ELU Softmax Dropout Flatten Reshape MaxPooling1D MaxPooling2D AveragePooling1D "
    "AveragePooling2D GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D".split()
)
_ACTIVATIONS = frozenset(
    "relu relu6 tanh sigmoid softmax elu selu softplus softsign leaky_relu swish silu gelu hard_sigmoid".split()
)
_PLAIN = frozenset(
    {"add", "bias_add", "reshape", "dropout", "flatten", "identity", "squeeze", "max_pool", "max_pool2d"}
)
_SHUT = frozenset({"relu", "relu6"})
_MATRIX_PRODUCTS = frozenset({"matmul", "dot", "tensordot", "einsum"})
_PRODUCTS = frozenset({"Dot", "Multiply", "multiply", "dot", "batch_dot", "matmul", "tensordot", "einsum"})


_NOTHING_LEFT = "so do those they are multiplied with: no gradient is left"


class Kernel(NamedTuple):
    """A kernel: what holds it, and whether it starts at zero (False: at another constant, None: at random).

    `following` is the next kernel where that starts constant as well, and so keeps the gradient of this one at zero.
    """

    holder: Layer | Variable
    zero: bool | None
    following: Kernel | None = None
    linear: bool = False
    """Whether nothing but a product stands between the two: of these it is enough that one starts at random."""
    rows: bool = False
    """Whether it stands in front, in `W @ x`, so that its rows are the units."""
    later: bool = False
    """Whether the program trains other weights first, so that its first step shows nothing of these."""


class _Behind(NamedTuple):
    """What follows a kernel: the activations on the way, whether a bias opens them, and the next kernel."""

    activations: tuple[str, ...]
    biased: bool
    kernel: Kernel | None


def detect(program: Program) -> Iterator[Finding]:
    """Hidden kernels that start constant and cannot learn."""
    seen: set[int] = set()
    for sink in program.sinks:
        for value in sink.alive:
            for kernel, why in _stuck(value, sink.users):
                if freshness.weights_may_come(program):
                    return
                node, frame = kernel.holder.node, kernel.holder.frame
                if id(kernel.holder) in seen or frame is None or not isinstance(node, ast.expr):
                    continue
                if not _in_test(program, node, frame.path) and not _put_in(program, sink, kernel):
                    seen.add(id(kernel.holder))
                    later = id(kernel.holder) not in program.sinks[0].reached
                    yield _finding(program, sink, kernel._replace(later=later), why, node, frame)


def _stuck(value: Tensor, used: dict[int, list[Tensor]]) -> Iterator[tuple[Kernel, str]]:
    """The kernels of an operation that start constant and cannot learn, and why."""
    factors = _zero_factors(value)
    if factors is not None:
        yield factors, _NOTHING_LEFT
    kernel = _kernel(value)
    if kernel is None or kernel.zero is None or kernel.holder.fields.get("loaded"):
        return
    behind = _behind(value, used)
    why = _why_stuck(kernel, behind)
    if behind is not None and why is not None:
        following = behind.kernel if behind.kernel is not None and behind.kernel.zero is not None else None
        linear = behind.kernel is not None and _both_zero(kernel, behind.kernel) and _is_linear(behind)
        yield kernel._replace(following=following, linear=linear), why


def _zero_factors(value: Tensor) -> Kernel | None:
    """Two tables of zeros that are multiplied: the gradient of each is the other one, and so both stay as they are."""
    inputs = value.operation.inputs
    if value.operation.name not in _PRODUCTS or len(inputs) != 2:
        return None
    one, other = (_table_of_zeros(each) for each in inputs)
    if one is None or other is None or one is other:
        return None
    matrices = isinstance(one, Variable) and isinstance(other, Variable)
    if matrices and value.operation.name not in _MATRIX_PRODUCTS:
        return None
    return Kernel(one, True, Kernel(other, True), linear=matrices)


def _table_of_zeros(value: Value) -> Layer | Variable | None:
    if isinstance(value, Variable):
        return value if _initial(value) is True and flag(value) is True else None
    while isinstance(value, Tensor):
        callee, inputs = value.operation.callee, value.operation.inputs
        if isinstance(callee, Layer) and callee.kind == "Embedding":
            zero = _constant(callee.arguments.get("embeddings_initializer"))
            return callee if zero and not callee.fields.get("loaded") else None
        through = isinstance(callee, Layer) and callee.kind in ("Flatten", "Reshape", "Dropout")
        if not inputs or not (through or value.operation.name in ("reshape", "squeeze", "getitem", "flatten")):
            return None
        value = inputs[0]
    return None


def _put_in(program: Program, sink: Sink, kernel: Kernel) -> bool:
    """Whether something was assigned to one of them before this training: it does not start as it was made."""
    holders = [each.holder for each in (kernel, kernel.following) if each is not None]
    return any(
        any(event.variable is holder for holder in holders) and event.serial < sink.event.serial
        for event in program.of(Assigned)
    )


def _in_test(program: Program, node: ast.AST, path: str) -> bool:
    """Whether the weights are made in a unit test, which wants numbers that can be told beforehand."""
    return any(
        isinstance(owner, ast.FunctionDef) and owner.name.lower().startswith("test")
        for owner in owners(program, node, path)
    )


def _finding(program: Program, sink: Sink, kernel: Kernel, why: str, node: ast.expr, frame: Frame) -> Finding:
    start = "zero" if kernel.zero else "one constant"
    table = isinstance(kernel.holder, Layer) and kernel.holder.kind == "Embedding"
    weights = "embeddings" if table else "hidden weights"
    text = excerpt(program, node, frame)
    event = sink.event
    related = (Related(program.location(event.node, event.frame), "it is trained here"),)
    return Finding(
        CODE,
        NAME,
        f"the {weights} of `{text}` start at {start}, and {why}",
        program.location(node, frame),
        None,
        (describe(kernel.holder),),
        related,
        kernel,
    )


def _kernel(value: Value) -> Kernel | None:
    """The kernel that an operation multiplies with."""
    if not isinstance(value, Tensor):
        return None
    operation = value.operation
    if operation.kind == "layer" and isinstance(operation.callee, Layer) and operation.callee.kind in _WEIGHTED:
        return Kernel(operation.callee, _constant(operation.callee.arguments.get("kernel_initializer")))
    if operation.name in ("matmul", "tensordot", "conv2d", "dot") and len(operation.inputs) >= 2:
        front, holder = operation.inputs[:2]
        if isinstance(holder, Variable):
            return Kernel(holder, _initial(holder))
        if operation.name != "conv2d" and isinstance(front, Variable) and not _turned(operation):
            return Kernel(front, _initial(front), rows=True)
    return None


def _turned(operation: Operation) -> bool:
    """Whether a factor of a product is transposed by an argument."""
    return isinstance(operation.node, ast.Call) and any(
        (each.arg or "").startswith(("transpose", "adjoint")) for each in operation.node.keywords
    )


def _constant(initializer: Value | None) -> bool | None:
    """Whether an initialiser gives zeros (True), another constant (False), or something else (None)."""
    name = ""
    if isinstance(initializer, Constant) and isinstance(initializer.value, str):
        name = initializer.value
    elif isinstance(initializer, External):
        name = initializer.name.rpartition(".")[2]
    elif (
        isinstance(initializer, Unknown)
        and initializer.operation is not None
        and isinstance(initializer.operation.callee, External)
    ):
        name = initializer.operation.callee.name.rpartition(".")[2]
        if any(not isinstance(value, Constant) for value in initializer.operation.inputs[1:]):
            return None  # an array, each number of which may be another
    if name in _ZEROS:
        return True
    return False if name in _CONSTANTS else None


def _initial(variable: Variable) -> bool | None:
    if variable.initial is not None and variable.maker == "tf.Variable":
        numbers = filled(variable.initial)
        return None if numbers is None else numbers.operation.name == "zeros"
    return _constant(variable.arguments.get("initializer"))


def _behind(value: Tensor, used: dict[int, list[Tensor]]) -> _Behind | None:
    """What follows on the one way that leads on; None where there are several, or something is not followed."""
    activations: list[str] = []
    biased = _opens(value)
    current = value
    own = _own_activation(value)
    if own is not None:
        activations.append(own)
    for _ in range(32):
        following = used.get(id(current), [])
        if len(following) != 1:
            return _Behind(tuple(activations), biased, None) if not following else None
        current = following[0]
        kernel = _kernel(current)
        if kernel is not None:
            data = current.operation.inputs[1 if kernel.rows else 0]
            return _Behind(tuple(activations), biased, kernel) if data is not kernel.holder else None
        operation = current.operation
        if operation.kind == "layer" and isinstance(operation.callee, Layer) and operation.callee.kind in _ALIKE:
            activations.append(activation_of(operation.callee) or "unknown")
            # What is dropped differs from unit to unit.
            biased = biased or operation.callee.kind == "Dropout"
        elif operation.name in _ACTIVATIONS:
            activations.append(operation.name)
        elif operation.name == "add" and any(isinstance(part, Variable) for part in operation.inputs):
            biased = biased or any(
                _initial(part) is not True for part in operation.inputs if isinstance(part, Variable)
            )
        elif operation.name == "dropout":
            biased = True
        elif operation.name not in _PLAIN - {"add"} and operation.kind not in ("model", "join"):
            return None
    return None


def _both_zero(one: Kernel, other: Kernel) -> bool:
    return bool(one.zero) and bool(other.zero) and one.holder is not other.holder


def _is_linear(behind: _Behind) -> bool:
    return all(each == "linear" for each in behind.activations)


def _own_activation(value: Tensor) -> str | None:
    callee = value.operation.callee
    return (activation_of(callee) or "unknown") if isinstance(callee, Layer) else None


def _opens(value: Tensor) -> bool:
    callee = value.operation.callee
    if not isinstance(callee, Layer) or "bias_initializer" not in callee.arguments:
        return False
    return _constant(callee.arguments["bias_initializer"]) is not True


def _why_stuck(kernel: Kernel, behind: _Behind | None) -> str | None:
    """Why this kernel cannot learn, if that is certain."""
    if behind is None or behind.kernel is None or "unknown" in behind.activations:
        return None
    if _both_zero(kernel, behind.kernel) and _is_linear(behind) and not behind.biased:
        return _NOTHING_LEFT
    if behind.kernel.zero is not None and not behind.biased and behind.kernel.rows == kernel.rows:
        return "so do the next ones: all units stay alike for ever"
    if kernel.zero and not behind.biased and any(each in _SHUT for each in behind.activations):
        return "the `relu` behind them is shut for every input: their gradient is 0"
    return None


def mend(program: Program, found: Finding) -> Mendings:
    """Start at random, the next kernel too where it starts constant."""
    from regrad.codemods.engine.layout import CannotMove
    from regrad.codemods.engine.random_start import at_random

    kernel: Kernel = found.evidence
    edits: list[Edit] = []
    if kernel.linear and kernel.following is not None and not _made_alike(kernel.holder, kernel.following.holder):
        try:
            own = at_random(program, kernel.holder, beside=kernel.following.holder)
        except CannotMove as problem:
            return Withheld(problem.reason, "tf.random.truncated_normal(shape, stddev=0.1)  # for one of the two")
        reason = "the other ones stay at zero, so the model computes what it computed until they have moved"
        title = "start the first of the two from random weights"
        return (Mending(title, Safety.UNSAFE, own, reason, seen_in_step=not kernel.later),)
    try:
        for each in (kernel, kernel.following):
            if each is not None:
                edits.extend(edit for edit in at_random(program, each.holder) if edit not in edits)
    except CannotMove as problem:
        return Withheld(problem.reason, "tf.random.truncated_normal(shape, stddev=0.1)")
    reason = "the layers start from other weights, as is meant"
    title = "start from random weights"
    return (Mending(title, Safety.UNSAFE, tuple(edits), reason, seen_in_step=not kernel.later),)


def _made_alike(one: Layer | Variable, other: Layer | Variable) -> bool:
    """Whether one call makes the numbers that both start from, so that neither changes alone."""
    numbers = [filled(each.initial) if isinstance(each, Variable) else None for each in (one, other)]
    first, second = (each.operation.node if each is not None else None for each in numbers)
    return first is not None and first is second


RULE = Rule(CODE, NAME, "unsafe", "the layer starts from other weights", detect, mend)
