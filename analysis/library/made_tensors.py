"""Tensors that are made to a shape: filled with a value, spaced between two, drawn at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrad.analysis import operators
from regrad.analysis.library.literals import dtype_value, sizes
from regrad.analysis.library.operation_calls import carries_tensor, flatten, named
from regrad.analysis.operations import Transfer, is_integer
from regrad.analysis.values import Constant, Union_, Unknown, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler


def _filled(interpreter: Interpreter, name: str, call: Call) -> Value:
    last = name.rpartition(".")[2]
    shape = sizes(call.get("shape", 0) or call.get("dims"))
    stated = call.get("dtype") or (call.get(None, 1) if last in ("zeros", "ones") else None)
    numpy = name.startswith("np.")
    value = (call.get("value", 1) or call.get("fill_value")) if last in ("fill", "full") else None
    inputs = _computed((value,))
    facts = frozenset({"constant"} if last in ("zeros", "ones", "fill", "full", "eye") else set())
    if last in ("zeros", "ones"):
        facts |= {"binary"}
    dtype = dtype_value(stated)
    if dtype is None:
        dtype = operators.dtype_of(inputs[0]) if inputs else "float64" if numpy else "float32"
    return interpreter.operation(
        "op" if inputs else "constant",
        last,
        call.node,
        inputs,
        _passing(inputs, dtype, numpy),
        dtype=dtype,
        shape=shape,
        numpy=numpy,
        facts=facts,
        arguments=named(call),
    )


def _like(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`full_like(x, value)`: the shape of the one, the values of the other."""
    original = call.get("x", 0) or call.get("a")
    inputs = _computed((call.get("fill_value", 1),))
    numpy = name.startswith("np.")
    dtype = dtype_value(call.get("dtype")) or (operators.dtype_of(original) if original is not None else None)
    return interpreter.operation(
        "op",
        "full_like",
        call.node,
        inputs,
        _passing(inputs, dtype, numpy) if inputs else Transfer.NONE,
        dtype=dtype,
        shape=operators.shape_of(original) if original is not None else None,
        numpy=numpy,
        arguments=named(call),
    )


def _random(interpreter: Interpreter, name: str, call: Call) -> Value:
    """Numbers that are drawn and then scaled and moved: gradients come to the scale and to the offset."""
    last = name.rpartition(".")[2]
    shape = sizes(call.get("shape", 0))
    dtype = dtype_value(call.get("dtype"))
    first = 2 if last.startswith("stateless") else 1
    inputs = _computed(
        (call.get(None, first), call.get(None, first + 1), *(call.get(each) for each in _SCALING)),
    )
    high = call.get("maxval", 2)
    facts = frozenset({"labels"}) if is_integer(dtype) else frozenset()
    largest = (
        high.value - 1 if is_integer(dtype) and isinstance(high, Constant) and isinstance(high.value, int) else None
    )
    return interpreter.operation(
        "random",
        last,
        call.node,
        inputs,
        _passing(inputs, dtype, False),
        dtype=dtype or "float32",
        shape=shape,
        facts=facts,
        high=largest,
    )


_SCALING = ("mean", "stddev", "minval", "maxval")


def _range(interpreter: Interpreter, name: str, call: Call) -> Value:
    dtype = dtype_value(call.get("dtype"))
    if dtype is None:
        floats = any(isinstance(value, Constant) and isinstance(value.value, float) for value in call.positional)
        dtype = "float32" if floats else "int32"
    return interpreter.operation("constant", "range", call.node, (), dtype=dtype, shape=(None,))


def _spaced(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`linspace`: gradients come to both ends (measured on TF 2.21)."""
    inputs = _computed((call.get("start", 0), call.get("stop", 1)))
    if not inputs:
        return _range(interpreter, name, call)
    return interpreter.operation("op", "linspace", call.node, inputs, shape=(None,), arguments=named(call))


def _computed(values: tuple[Value | None, ...]) -> tuple[Value, ...]:
    """Those that are no plain numbers, so that the tensor depends on them."""
    given = flatten(tuple(value for value in values if value is not None))
    return tuple(value for value in given if not isinstance(value, Constant))


def _passing(inputs: tuple[Value, ...], dtype: str | None, numpy: bool) -> Transfer:
    if inputs and is_integer(dtype):
        return Transfer.INTEGER
    leaves = numpy and any(carries_tensor(value) or isinstance(value, (Unknown, Union_)) for value in inputs)
    return Transfer.LEAVES if leaves else Transfer.FLOWS


FUNCTIONS: dict[str, Handler] = {
    **{
        f"{space}.{name}": _filled
        for space in ("tf", "tf1", "np", "ops", "K", "tnp")
        for name in ("zeros", "ones", "fill", "full", "empty")
    },
    **{f"{space}.full_like": _like for space in ("ops", "tnp")},
    **{
        f"tf.random.{name}": _random
        for name in ("normal", "uniform", "truncated_normal", "stateless_normal", "stateless_uniform")
    },
    **{
        f"{space}.{name}": _random
        for space in ("tf1", "K")
        for name in ("random_normal", "random_uniform", "truncated_normal")
    },
    **{f"keras.random.{name}": _random for name in ("normal", "uniform", "truncated_normal")},
    **{f"{space}.{name}": _range for space in ("tf", "tf1", "ops") for name in ("range", "arange")},
    **{f"{space}.linspace": _spaced for space in ("tf", "tf1", "ops", "tnp")},
}
