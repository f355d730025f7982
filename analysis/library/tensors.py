"""Tensors that are converted and reshaped: constants, casts, placeholders, parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regrad.analysis import operators
from regrad.analysis.library.literals import dtype_value, literal_array, reshaped, sizes
from regrad.analysis.library.operation_calls import carries_tensor, flatten, named
from regrad.analysis.operations import Transfer, is_integer
from regrad.analysis.values import (
    UNKNOWN,
    Collection,
    Constant,
    External,
    Gradients,
    Mapping,
    Shape,
    Tensor,
    Unknown,
    Value,
    Variable,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler


def _cast(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get("x", 0) or UNKNOWN
    dtype = dtype_value(call.get("dtype", 1))
    if name.rpartition(".")[2].startswith("to_"):
        dtype = {"to_float": "float32", "to_int32": "int32", "to_int64": "int64", "to_double": "float64"}.get(
            name.rpartition(".")[2]
        )
    same = isinstance(value, Tensor) and not value.numpy and dtype is not None and dtype == value.dtype
    if same and not is_integer(dtype):
        return value  # The very object, measured.
    transfer = Transfer.INTEGER if is_integer(dtype) else Transfer.FLOWS
    facts = value.facts if isinstance(value, Tensor) else frozenset()
    high = value.high if isinstance(value, Tensor) else None
    return interpreter.operation(
        "op",
        "cast",
        call.node,
        (value,),
        transfer,
        dtype=dtype,
        shape=operators.shape_of(value),
        facts=facts,
        high=high,
        arguments=named(call),
    )


def _constant(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get("value", 0) or UNKNOWN
    dtype = dtype_value(call.get("dtype", 1))
    inputs = flatten((value,))
    if isinstance(value, Collection):
        found, shape, facts, high = literal_array(value, dtype)
        held = any(carries_tensor(item) for item in inputs)
        if found == "float64" and dtype is None and not any(isinstance(item, Tensor) for item in inputs):
            found = "float32"
        if found == "int64" and dtype is None and not any(isinstance(item, Tensor) for item in inputs):
            found = "int32"
        return interpreter.operation(
            "constant",
            "constant",
            call.node,
            inputs,
            Transfer.LEAVES if held else Transfer.FLOWS,
            dtype=found,
            shape=shape,
            facts=facts,
            high=high,
        )
    if isinstance(value, Constant):
        found = dtype or (
            "bool"
            if isinstance(value.value, bool)
            else "int32"
            if isinstance(value.value, int)
            else "float32"
            if isinstance(value.value, float)
            else None
        )
        return interpreter.operation("constant", "constant", call.node, (), dtype=found, shape=())
    found = dtype or operators.dtype_of(value)
    transfer = Transfer.INTEGER if is_integer(found) else Transfer.FLOWS
    if isinstance(value, Variable) or call.get("shape", 2) is not None:
        # Measured on TF 2.21: a tensor is handed on as it is, anything else goes through NumPy.
        transfer = Transfer.LEAVES
    facts = value.facts if isinstance(value, Tensor) else frozenset()
    high = value.high if isinstance(value, Tensor) else None
    return interpreter.operation(
        "constant",
        "constant",
        call.node,
        inputs,
        transfer,
        dtype=found,
        shape=operators.shape_of(value),
        facts=facts,
        high=high,
    )


def _convert(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get("value", 0) or call.get("x") or UNKNOWN
    if isinstance(value, (Tensor, Variable, Gradients, Unknown)) or (
        isinstance(value, Collection) and any(carries_tensor(item) for item in value.items)
    ):
        dtype = dtype_value(call.get("dtype", 1)) or operators.dtype_of(value)
        if isinstance(value, Tensor) and not value.numpy and dtype == value.dtype:
            return value  # The very object, measured: a gradient for what was given is one for what comes back.
        facts = value.facts if isinstance(value, Tensor) else frozenset()
        high = value.high if isinstance(value, Tensor) else None
        return interpreter.operation(
            "op",
            "convert_to_tensor",
            call.node,
            flatten((value,)),
            Transfer.INTEGER if is_integer(dtype) else Transfer.FLOWS,
            dtype=dtype,
            shape=operators.shape_of(value),
            facts=facts,
            high=high,
        )
    return _constant(interpreter, name, call)


def _top_k(interpreter: Interpreter, name: str, call: Call) -> Value:
    inputs = flatten(call.all()[:1])
    values = interpreter.operation("op", "top_k", call.node, inputs)
    indices = interpreter.operation("op", "top_k_indices", call.node, inputs, Transfer.INTEGER, dtype="int32")
    return Collection("tuple", (values, indices), True, call.node)


def _unique(interpreter: Interpreter, name: str, call: Call) -> Value:
    inputs = flatten(call.all()[:1])
    values = interpreter.operation(
        "op", "unique", call.node, inputs, Transfer.MISSING, dtype=operators.dtype_of(inputs[0]) if inputs else None
    )
    indices = interpreter.operation("op", "unique_indices", call.node, inputs, Transfer.INTEGER, dtype="int32")
    return Collection("tuple", (values, indices), True, call.node)


def _several(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`split`, `unstack`, `moments`, `meshgrid`: several tensors, each of which depends on all that was given."""
    inputs = flatten(call.all())
    last = name.rpartition(".")[2]
    if last in ("moments", "normalize"):
        return Collection(
            "tuple", tuple(interpreter.operation("op", last, call.node, inputs) for _ in range(2)), True, call.node
        )
    count = call.get("num_or_size_splits", 1)
    size = (
        count.value
        if isinstance(count, Constant) and isinstance(count.value, int)
        else len(count.items)
        if isinstance(count, Collection)
        else None
    )
    if last == "split" and size is not None and size <= 16:
        return Collection(
            "list", tuple(interpreter.operation("op", last, call.node, inputs) for _ in range(size)), True, call.node
        )
    return interpreter.operation("op", last, call.node, inputs)


_AREA = frozenset({"area", "AREA", "tf.image.ResizeMethod.AREA", "tf1.image.ResizeMethod.AREA"})


def _resize(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`tf.image.resize`: by area it has no gradient (measured on TF 2.21: no entry for ResizeArea in the registry)."""
    method = call.get("method", 2)
    stated = method.value if isinstance(method, Constant) else method.name if isinstance(method, External) else None
    by_area = isinstance(stated, str) and stated in _AREA
    return interpreter.operation(
        "op",
        "resize_area" if by_area else "resize",
        call.node,
        flatten(call.positional[:1] or tuple(each for each in (call.get("images", 0),) if each is not None)),
        Transfer.MISSING if by_area else Transfer.FLOWS,
        dtype="float32",
    )


def _parsed_example(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`tf.io.parse_single_example(serialized, features)`: a dictionary with the keys of `features`."""
    features = call.get("features", 1)
    if not isinstance(features, Mapping):
        return UNKNOWN
    entries: dict[Any, Value] = {key: interpreter.unknown("element", str(key), ()) for key in features.entries}
    return Mapping(entries, features.complete)


def _placeholder(interpreter: Interpreter, name: str, call: Call) -> Value:
    return interpreter.operation(
        "input",
        "placeholder",
        call.node,
        (),
        dtype=dtype_value(call.get("dtype", 0)),
        shape=sizes(call.get("shape", 1)),
    )


def _squeeze(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get("input", 0) or call.get("x") or UNKNOWN
    axis = call.get("axis", 1)
    shape = operators.shape_of(value)
    result: Shape | None = None
    if shape is not None and isinstance(axis, Constant) and isinstance(axis.value, int) and shape:
        position = axis.value % len(shape)
        result = shape[:position] + shape[position + 1 :]
    elif shape is not None and axis is None and all(size is not None for size in shape):
        result = tuple(size for size in shape if size != 1)
    return interpreter.operation(
        "op", "squeeze", call.node, (value,), dtype=operators.dtype_of(value), shape=result, arguments=named(call)
    )


def _expand(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get("input", 0) or call.get("x") or UNKNOWN
    axis = call.get("axis", 1)
    shape = operators.shape_of(value)
    result: Shape | None = None
    if shape is not None and isinstance(axis, Constant) and isinstance(axis.value, int):
        position = axis.value if axis.value >= 0 else len(shape) + 1 + axis.value
        result = (*shape[:position], 1, *shape[position:])
    return interpreter.operation(
        "op", "expand_dims", call.node, (value,), dtype=operators.dtype_of(value), shape=result, arguments=named(call)
    )


def _reshape(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get("tensor", 0) or call.get("x") or UNKNOWN
    target = sizes(call.get("shape", 1) or call.get("newshape"))
    shape = reshaped(operators.shape_of(value), target)
    return interpreter.operation(
        "op", "reshape", call.node, (value,), dtype=operators.dtype_of(value), shape=shape, arguments=named(call)
    )


def _epsilon(interpreter: Interpreter, name: str, call: Call) -> Value:
    return Constant(1e-7, call.node)


def _axes(interpreter: Interpreter, name: str, call: Call) -> Value:
    """How many axes a tensor has, as a plain number."""
    value = call.get("x", 0) or call.get("a") or UNKNOWN
    shape = value.shape if isinstance(value, Tensor) else None
    return UNKNOWN if shape is None else Constant(len(shape), call.node)


def _static_shape(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`K.int_shape(x)`: the shape as far as it is known before anything runs."""
    from regrad.analysis import attributes

    value = call.get("x", 0)
    return attributes.read(interpreter, value, "shape", call.node) if isinstance(value, Tensor) else UNKNOWN


FUNCTIONS: dict[str, Handler] = {
    **{f"{space}.ndim": _axes for space in ("K", "ops", "np", "tnp")},
    "K.int_shape": _static_shape,
    "K.epsilon": _epsilon,
    "keras.config.epsilon": _epsilon,
    **{f"{space}.cast": _cast for space in ("tf", "tf1", "ops", "K", "tnp")},
    **{
        f"{space}.{name}": _cast
        for space in ("tf", "tf1")
        for name in ("to_float", "to_int32", "to_int64", "to_double")
    },
    **{f"{space}.constant": _constant for space in ("tf", "tf1", "K")},
    **{f"{space}.convert_to_tensor": _convert for space in ("tf", "tf1", "ops")},
    "tf.math.top_k": _top_k,
    "tf.nn.top_k": _top_k,
    "ops.top_k": _top_k,
    "tf.unique": _unique,
    **{
        f"{name}": _several
        for name in (
            "tf.split",
            "tf.unstack",
            "tf.nn.moments",
            "ops.split",
            "ops.unstack",
            "tf.meshgrid",
            "ops.moments",
        )
    },
    "tf1.placeholder": _placeholder,
    **{f"{space}.image.{name}": _resize for space in ("tf", "tf1") for name in ("resize", "resize_images")},
    **{
        f"{space}.parse_{name}": _parsed_example
        for space in ("tf", "tf.io", "tf1", "tf1.io")
        for name in ("example", "single_example")
    },
    **{f"{space}.squeeze": _squeeze for space in ("tf", "tf1", "ops", "K")},
    **{f"{space}.expand_dims": _expand for space in ("tf", "tf1", "ops", "K")},
    **{f"{space}.reshape": _reshape for space in ("tf", "tf1", "ops", "K", "np")},
}
