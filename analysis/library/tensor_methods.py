"""Methods of tensors, arrays and variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrad.analysis.library.functions_given import CALLABLE, apply_function
from regrad.analysis.library.literals import dtype_value, reshaped, sizes
from regrad.analysis.library.operation_calls import LEAVING, flatten, reduced
from regrad.analysis.library.variables import method_of_variable, part_assigned, variable_of_part
from regrad.analysis.operations import Transfer, is_integer
from regrad.analysis.values import NONE, Collection, Gradients, Tensor, Unknown, Value, Variable

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter

_REDUCING = frozenset({"mean", "sum", "max", "min", "std", "var", "prod"})


def method(interpreter: Interpreter, owner: Value, name: str, call: Call) -> Value | None:
    """Methods of tensors, arrays and variables."""
    if isinstance(owner, Gradients):
        owner = owner.tensor
    if isinstance(owner, Variable):
        return method_of_variable(interpreter, owner, name, call)
    if isinstance(owner, Tensor):
        from regrad.analysis.library.arrays import generator_method

        return generator_method(interpreter, owner, name, call) or _of_tensor(interpreter, owner, name, call)
    if name in ("run", "experimental_run_v2") and any(isinstance(value, CALLABLE) for value in call.positional[:1]):
        return apply_function(interpreter, "strategy." + name, call)
    if name == "numpy" and not call.positional and isinstance(owner, Unknown):
        return interpreter.operation("method", "numpy", call.node, (owner,), Transfer.LEAVES, numpy=True)
    return None


def _of_tensor(interpreter: Interpreter, owner: Tensor, name: str, call: Call) -> Value:
    if name in ("assign", "assign_add", "assign_sub"):
        variable = variable_of_part(owner)
        if variable is not None:
            return part_assigned(interpreter, variable, name, call)
    inputs = (owner, *flatten(call.all()))
    if name in LEAVING and not owner.numpy:
        return interpreter.operation(
            "method",
            name,
            call.node,
            (owner,),
            Transfer.LEAVES,
            dtype=owner.dtype,
            shape=owner.shape,
            numpy=True,
            facts=owner.facts,
            high=owner.high,
        )
    if name == "astype":
        dtype = dtype_value(call.get("dtype", 0))
        return interpreter.operation(
            "method",
            name,
            call.node,
            (owner,),
            Transfer.INTEGER if is_integer(dtype) else Transfer.FLOWS,
            dtype=dtype,
            shape=owner.shape,
            numpy=owner.numpy,
            facts=owner.facts,
            high=owner.high,
        )
    if name in _REDUCING:
        shifted = type(call)(call.node, (owner, *call.positional), call.keywords)
        return interpreter.operation(
            "method", name, call.node, inputs, dtype=owner.dtype, shape=reduced(owner.shape, shifted), numpy=owner.numpy
        )
    if name == "reshape":
        target = sizes(call.positional[0]) if len(call.positional) == 1 else sizes(Collection("tuple", call.positional))
        shape = reshaped(owner.shape, target)
        facts = owner.facts if shape is not None and "one-hot" not in owner.facts else frozenset()
        return interpreter.operation(
            "method",
            name,
            call.node,
            (owner,),
            dtype=owner.dtype,
            shape=shape,
            numpy=owner.numpy,
            facts=facts,
            high=owner.high,
        )
    if name in ("copy", "__copy__", "shuffle", "sort"):
        return owner if name != "sort" else NONE
    if name in ("flatten", "ravel"):
        return interpreter.operation(
            "method",
            name,
            call.node,
            (owner,),
            dtype=owner.dtype,
            shape=(None,),
            numpy=owner.numpy,
            facts=owner.facts,
            high=owner.high,
        )
    if name in ("argmax", "argmin", "argsort", "nonzero", "any", "all"):
        return interpreter.operation(
            "method",
            name,
            call.node,
            (owner,),
            Transfer.INTEGER,
            dtype="int64",
            numpy=owner.numpy,
            facts=frozenset({"labels"}),
        )
    if name in ("round", "__floor__"):
        return interpreter.operation(
            "method", name, call.node, (owner,), Transfer.NONE, dtype=owner.dtype, shape=owner.shape, numpy=owner.numpy
        )
    if name in ("set_shape", "fill", "put"):
        return NONE
    if name == "get_shape":
        from regrad.analysis import attributes

        return attributes.read(interpreter, owner, "shape", call.node)
    return interpreter.operation(
        "method", name, call.node, inputs, dtype=owner.dtype if not owner.numpy else None, numpy=owner.numpy
    )
