"""What a call of a library operation yields, after the table in `operations`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from regrad.analysis import operators
from regrad.analysis.library.joined_arrays import JOINING, joined_arrays
from regrad.analysis.library.literals import dtype_value, literal_array
from regrad.analysis.names import namespace
from regrad.analysis.operations import TABLE, Operator, Transfer, is_integer, lookup
from regrad.analysis.values import (
    BoundMethod,
    Class,
    Collection,
    Constant,
    External,
    Function,
    Gradients,
    Mapping,
    Shape,
    Tensor,
    Union_,
    Unknown,
    Value,
    Variable,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter

_TABLE_SPACES = frozenset({"tf", "tf1", "ops", "K", "tnp", "np"})

_TABLE_PREFIXES = (
    "keras.activations.",
    "keras.utils.to_categorical",
    "keras.ops.",
    "scipy.",
    "sklearn.metrics.",
    "cv2.",
    "math.",
)

_NUMBERS: dict[str, Callable[..., float]] = {
    f"math.{function.__name__}": function
    for function in (math.sqrt, math.log, math.log2, math.log10, math.log1p, math.exp, math.sin, math.cos, math.tanh,
                     math.ceil, math.floor, math.fabs, math.radians, math.degrees, math.pow)
}  # fmt: skip

_OUTSIDE = ("scipy.", "sklearn.metrics.", "cv2.", "math.")


def from_table(interpreter: Interpreter, name: str, call: Call) -> Value | None:
    """The result of a library operation; None for a name that is not one."""
    space = namespace(name)
    if space not in _TABLE_SPACES and not name.startswith(_TABLE_PREFIXES):
        return None
    if name.startswith(_OUTSIDE) and not any(carries_tensor(value) for value in call.all()):
        return _number(name, call)
    last = name.rpartition(".")[2]
    if last[:1].isupper():
        return None
    operator = lookup(name)
    if space == "np" or name.startswith(_OUTSIDE):
        return numpy_operation(interpreter, name, call, operator)
    if operator is None:
        inputs = flatten(call.all())
        if any(operators.is_numeric(value) for value in inputs):
            from regrad.analysis import calls

            calls.call_through(interpreter, call)
            return interpreter.operation("op", last, call.node, inputs, arguments=named(call))
        return None
    weights = call.get("weights", 1)
    if last == "bincount" and weights is not None and not (isinstance(weights, Constant) and weights.value is None):
        # Counting gives whole numbers; summing weights gives theirs, without a registered gradient.
        last, operator = "bincount_weighted", TABLE["bincount_weighted"]
    inputs = differentiable_inputs(call, operator)
    made = make(interpreter, last, call, operator, inputs)
    if operator.positions is not None:
        made.operation.inputs = (*inputs, *_selectors(interpreter, call, inputs))
    return made


def _number(name: str, call: Call) -> Constant | None:
    """What `math.sqrt(2)` and its like give of known numbers."""
    numbers = [value.value for value in call.positional if isinstance(value, Constant)]
    if name not in _NUMBERS or len(numbers) != len(call.all()):
        return None
    try:
        return Constant(_NUMBERS[name](*numbers), call.node)
    except (TypeError, ValueError, OverflowError):
        return None


def _selectors(interpreter: Interpreter, call: Call, inputs: tuple[Value, ...]) -> tuple[Value, ...]:
    """Conditions and indices among the arguments: the result depends on them, but no gradient passes."""
    found: list[Value] = []
    for value in flatten(call.all()):
        if isinstance(value, (Tensor, Union_)) and not any(value is other for other in inputs):
            blocked = isinstance(value, Tensor) and (
                value.operation.transfer in (Transfer.INTEGER, Transfer.NONE, Transfer.LEAVES)
                or is_integer(value.dtype)
            )
            found.append(
                value
                if blocked
                else interpreter.operation("op", "selector", call.node, (value,), Transfer.INTEGER, dtype="int32")
            )
    return tuple(found)


def named(call: Call) -> dict[str, Value]:
    """Positional arguments under their index, keywords under their name."""
    return {**{str(index): value for index, value in enumerate(call.positional)}, **call.keywords}


def make(interpreter: Interpreter, last: str, call: Call, operator: Operator, inputs: tuple[Value, ...]) -> Tensor:
    """The tensor that a table operation makes."""
    first = next((value for value in inputs if operators.is_numeric(value)), inputs[0] if inputs else None)
    dtype = _dtype(operator, call, first)
    if last in ("zeros_like", "ones_like") and call.get(None, 1) is not None:
        dtype = dtype_value(call.get(None, 1))
    transfer = operator.transfer
    if transfer is Transfer.FLOWS and is_integer(dtype):
        floating = next(
            (
                value
                for value in inputs
                if not isinstance(value, Constant) and not is_integer(operators.dtype_of(value))
            ),
            None,
        )
        if floating is not None:
            # Integer labels are converted before they meet a prediction, by Keras or by the operation.
            dtype = operators.dtype_of(floating)
        else:
            transfer = Transfer.INTEGER
    shape = _shape(operator, call, inputs, first)
    if last == "one_hot":
        shape, facts = _one_hot(call)
        return interpreter.operation(
            "op", last, call.node, inputs, transfer, dtype="float32", shape=shape, facts=facts, arguments=named(call)
        )
    if last in ("concat", "concatenate"):
        shape = _joined(call)
    if last in ("sparse_softmax_cross_entropy_with_logits", "softmax_cross_entropy_with_logits"):
        shape = _of_each_sample(call)
    if last == "matmul" and len(inputs) >= 2:
        one, other = operators.shape_of(inputs[0]), operators.shape_of(inputs[1])
        transposed = any(key in call.keywords for key in ("transpose_a", "transpose_b"))
        shape = (*one[:-1], other[-1]) if one and other and len(other) >= 2 and not transposed else None
    facts = (
        first.facts
        if isinstance(first, Tensor) and operator.shape == "same" and transfer in (Transfer.NONE, Transfer.STOP)
        else frozenset()
    )
    if last in ("softmax", "sigmoid", "hard_sigmoid"):
        facts = frozenset({"probabilities"})
    if last in ("argmax", "argmin"):
        facts = frozenset({"labels"})
    return interpreter.operation(
        "op", last, call.node, inputs, transfer, dtype=dtype, shape=shape, facts=facts, arguments=named(call)
    )


def _of_each_sample(call: Call) -> Shape | None:
    """The shape of what a loss gives for each sample: that of the logits without their last axis."""
    logits = call.get("logits", 1)
    shape = operators.shape_of(logits) if logits is not None and call.get("axis") is None else None
    return shape[:-1] if shape else None


def _joined(call: Call) -> Shape | None:
    """The shape of tensors put together along an axis: that of the first, and the sum of what they have there."""
    parts, axis = call.get("values", 0), call.get("axis", 1)
    parts = call.get("xs", 0) if parts is None else parts
    if not isinstance(parts, Collection) or not parts.items or not isinstance(axis, Constant):
        return None
    if parts.size is None or not isinstance(axis.value, int):
        return None
    shapes = [operators.shape_of(part) for part in parts.items]
    first = shapes[0]
    if not first or not -len(first) <= axis.value < len(first):
        return None
    place = axis.value % len(first)
    total: int | None = 0
    for shape in shapes:
        if shape is None or len(shape) != len(first):
            return None
        size = shape[place]
        total = None if size is None or total is None else total + size
    return (*first[:place], total, *first[place + 1 :])


def _one_hot(call: Call) -> tuple[Shape | None, frozenset[str]]:
    depth = call.get("depth", 1) or call.get("num_classes", 1)
    first = call.get("indices", 0) or call.get("x", 0)
    size = depth.value if isinstance(depth, Constant) and isinstance(depth.value, int) else None
    inner = operators.shape_of(first) if first is not None else None
    return ((*inner, size) if inner is not None else None), frozenset({"one-hot"})


def _dtype(operator: Operator, call: Call, first: Value | None) -> str | None:
    stated = call.get("dtype")
    if isinstance(stated, Constant) and isinstance(stated.value, str) and operator.dtype == "same":
        return stated.value
    if operator.dtype == "same":
        return operators.dtype_of(first) if first is not None else None
    return None if operator.dtype == "unknown" else operator.dtype


def _shape(operator: Operator, call: Call, inputs: tuple[Value, ...], first: Value | None) -> Shape | None:
    if operator.shape == "same":
        return operators.shape_of(first) if first is not None else None
    if operator.shape == "broadcast":
        if len(inputs) == 1:
            return operators.shape_of(inputs[0])
        shape = operators.shape_of(inputs[0]) if inputs else None
        for value in inputs[1:]:
            shape = operators.broadcast(shape, operators.shape_of(value))
        return shape
    if operator.shape == "reduce":
        return reduced(operators.shape_of(first) if first is not None else None, call)
    return None


def reduced(shape: Shape | None, call: Call) -> Shape | None:
    """The shape that a reduction over `axis` leaves."""
    axis = call.get("axis", 1) or call.get("dim")
    keep = call.get("keepdims", 2)
    kept = isinstance(keep, Constant) and bool(keep.value)
    if axis is None or (isinstance(axis, Constant) and axis.value is None):
        return () if not kept else None
    if shape is None:
        return None
    axes: list[int] = []
    for part in axis.items if isinstance(axis, Collection) else (axis,):
        if not (isinstance(part, Constant) and isinstance(part.value, int)):
            return None
        axes.append(part.value % len(shape) if shape else 0)
    if kept:
        return tuple(1 if index in axes else size for index, size in enumerate(shape))
    return tuple(size for index, size in enumerate(shape) if index not in axes)


def differentiable_inputs(call: Call, operator: Operator) -> tuple[Value, ...]:
    """The tensors among the arguments, those first that the gradient passes to."""
    if operator.positions is None:
        return flatten(call.all())
    chosen: list[Value] = []
    names = {0: ("params", "input", "tensor", "x", "a"), 1: ("x", "updates"), 2: ("y",)}
    for position in operator.positions:
        value = call.get(None, position)
        for name in names.get(position, ()):
            value = value if value is not None else call.get(name)
        if value is not None:
            chosen.append(value)
    return flatten(tuple(chosen))


def flatten(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Values with lists, tuples and dictionaries opened; texts, flags and functions left out."""
    out: list[Value] = []
    for value in values:
        if isinstance(value, Collection):
            # A long list stays as it is: whoever asks what flows through it looks at all of its elements.
            out.extend(flatten(value.items) if len(value.items) < 256 else (value,))
        elif isinstance(value, Mapping):
            out.extend(flatten(tuple(value.entries.values())))
        elif isinstance(value, Constant):
            if isinstance(value.value, (int, float)) and not isinstance(value.value, bool):
                out.append(value)
        elif not isinstance(value, (Function, BoundMethod, Class, External)):
            out.append(value)
    return tuple(out)


def carries_tensor(value: Value) -> bool:
    """Whether it is, or holds, a TensorFlow tensor or variable (an array is neither)."""
    if isinstance(value, Tensor):
        return not value.numpy
    if isinstance(value, (Variable, Gradients)):
        return True
    if isinstance(value, Collection):
        return any(carries_tensor(item) for item in value.items[:64])
    if isinstance(value, Union_):
        return any(carries_tensor(item) for item in value.alternatives)
    return False


def numpy_operation(interpreter: Interpreter, name: str, call: Call, operator: Operator | None) -> Value:
    """A NumPy function: on arrays an array; a tensor that is handed to it leaves TensorFlow."""
    last = name.rpartition(".")[2]
    inputs = flatten(call.all())
    leaves = any(carries_tensor(value) for value in inputs)
    may_leave = leaves or any(isinstance(value, (Unknown, Union_)) for value in inputs)
    transfer = Transfer.LEAVES if may_leave else Transfer.FLOWS
    dtype: str | None = None
    shape: Shape | None = None
    first = inputs[0] if inputs else None
    if operator is not None:
        dtype = _dtype(operator, call, first)
        shape = _shape(operator, call, inputs, first)
        if not leaves and is_integer(dtype):
            transfer = Transfer.INTEGER
    stated = call.get("dtype")
    if isinstance(stated, Constant) and isinstance(stated.value, str):
        dtype = stated.value
    elif isinstance(stated, External):
        dtype = stated.name.rpartition(".")[2]
    facts = first.facts if isinstance(first, Tensor) and last in _KEEPS_FACTS else frozenset()
    high = first.high if isinstance(first, Tensor) and last in _KEEPS_FACTS else None
    if last in _KEEPS_FACTS and dtype is None:
        dtype = operators.dtype_of(first) if first is not None and not isinstance(first, Constant) else None
    if last in ("array", "asarray", "asanyarray", "ascontiguousarray") and call.positional:
        shape = operators.shape_of(call.positional[0])
        if isinstance(call.positional[0], Collection):
            dtype, shape, facts, high = literal_array(call.positional[0], dtype)
    if last == "expand_dims" and isinstance(first, Tensor) and first.shape is not None:
        axis = call.get("axis", 1)
        if isinstance(axis, Constant) and axis.value == -1:
            shape = (*first.shape, 1)
    if last in JOINING:
        shape = joined_arrays(last, call)
    if last == "eye" and call.positional:
        facts = frozenset({"one-hot"})
        size = call.positional[0]
        shape = (None, size.value) if isinstance(size, Constant) and isinstance(size.value, int) else None
    if last == "argmax":
        facts = frozenset({"labels"})
    return interpreter.operation(
        "numpy",
        last,
        call.node,
        inputs,
        transfer,
        dtype=dtype,
        shape=shape,
        numpy=True,
        facts=facts,
        high=high,
        arguments=named(call),
    )


_KEEPS_FACTS = frozenset(
    "array asarray asanyarray ascontiguousarray copy concatenate vstack expand_dims repeat tile squeeze shuffle "
    "permutation append".split()
)

LEAVING = frozenset({"numpy", "item", "tolist", "__array__", "__float__", "__int__", "eval"})
