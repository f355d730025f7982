"""Variables: how they are made, and their methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regrad.analysis import operators
from regrad.analysis.assigning import ASSIGNING, SCATTERING
from regrad.analysis.events import Assigned, Filled
from regrad.analysis.library import graph_variables
from regrad.analysis.library.literals import dtype_value, literal_array, sizes
from regrad.analysis.library.operation_calls import LEAVING, flatten
from regrad.analysis.operations import Transfer
from regrad.analysis.values import UNKNOWN, Collection, Constant, Function, Partial, Tensor, Value, Variable

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler


def _variable(interpreter: Interpreter, name: str, call: Call) -> Value:
    names: tuple[str, ...] = ("initial_value", "trainable", "validate_shape", "caching_device", "name")
    if name == "keras.Variable":
        names = ("initializer", "shape", "dtype", "trainable")
    if name == "K.variable":
        names = ("value", "dtype", "name", "constraint")
    if name in _BY_NAME:
        names = ("name", "shape", "dtype", "initializer", "regularizer", "trainable")
    arguments: dict[str, Value] = dict(zip(names, call.positional, strict=False))
    arguments.update(call.keywords)
    whole: str | None = None
    if name in _BY_NAME:
        whole, same = graph_variables.known(interpreter, arguments)
        if same is not None:
            return same
    initial = arguments.get({"tf.Variable": "initial_value", "K.variable": "value"}.get(name, "initializer"))
    if isinstance(initial, (Function, Partial)):
        from regrad.analysis.interpreter import Call as Arguments

        initial = interpreter.call(initial, Arguments(call.node))
    maker = "keras.Variable" if name == "keras.Variable" else "tf.Variable"
    variable = make_variable(interpreter, maker, arguments, initial, None, call)
    if name == "K.variable":
        # Keras casts what it is given to the type of its weights.
        variable.fields["dtype"] = dtype_value(arguments.get("dtype"))
    if maker == "tf.Variable":
        graph_variables.register(interpreter, variable, whole)
    return variable


def make_variable(
    interpreter: Interpreter,
    maker: str,
    arguments: dict[str, Value],
    initial: Value | None,
    owner: Value | None,
    call: Call,
) -> Variable:
    """A new variable; its dtype is the stated one or that of its first value."""
    variable = Variable(maker, arguments, initial, owner, call.node, interpreter.frame, interpreter.tick())
    dtype = dtype_value(arguments.get("dtype"))
    if dtype is None and initial is not None and maker == "tf.Variable":
        if isinstance(initial, Constant):
            value = initial.value
            dtype = (
                "bool"
                if isinstance(value, bool)
                else "int32"
                if isinstance(value, int)
                else "float32"
                if isinstance(value, float)
                else None
            )
        elif isinstance(initial, Collection):
            dtype, variable.fields["shape"], _, _ = literal_array(initial, None)
            dtype = {"int64": "int32", "float64": "float32"}.get(dtype or "", dtype)
        else:
            dtype = operators.dtype_of(initial)
    variable.fields["dtype"] = dtype
    if "shape" not in variable.fields:
        variable.fields["shape"] = (
            sizes(arguments.get("shape"))
            if "shape" in arguments
            else (operators.shape_of(initial) if initial is not None else None)
        )
    variable.fields["trainable"] = arguments.get("trainable", Constant(True))
    return variable


def _written(name: str, call: Call) -> Value:
    """What a method puts into its variable."""
    if name in SCATTERING:
        # Slices that say themselves where they belong come as the only argument.
        indexed = call.get("updates", 2 if name.startswith("batch_") else 1)
        return indexed or call.get("sparse_delta", 0) or UNKNOWN
    return call.get("value", 0) or call.get("delta") or UNKNOWN


def note_filled(interpreter: Interpreter, name: str, call: Call) -> None:
    """`model.set_weights(values)`, or `held.assign(value)` where which variable is held is not known."""
    given = call.all()
    if given:
        value = given[0] if len(given) == 1 else Collection("tuple", given)
        interpreter.emit(Filled(call.node, interpreter.frame, interpreter.tick(), name, value, interpreter.tapes))


def variable_of_part(part: Tensor) -> Variable | None:
    """The variable that `variable[index]` is a part of."""
    value: Value = part
    while isinstance(value, Tensor) and value.operation.kind == "index" and value.operation.inputs:
        value = value.operation.inputs[0]
    return value if isinstance(value, Variable) else None


def part_assigned(interpreter: Interpreter, variable: Variable, name: str, call: Call) -> Value:
    """`variable[index].assign(value)`: the whole variable, which a reference gives through an operation without a
    gradient (measured on TF 2.21: a LookupError, and none for variables that are resources).
    """
    value = method_of_variable(interpreter, variable, name, call)
    if not interpreter.graph or not interpreter.references or "use_resource" in variable.arguments:
        return value
    return interpreter.operation(
        "op",
        f"strided_slice_{name}",
        call.node,
        (variable, *flatten(call.all())),
        Transfer.MISSING,
        dtype=operators.dtype_of(variable),
        shape=variable.fields.get("shape"),
    )


def method_of_variable(interpreter: Interpreter, owner: Variable, name: str, call: Call) -> Value:
    if name in ASSIGNING or name == "load":
        value = _written(name, call)
        interpreter.emit(
            Assigned(call.node, interpreter.frame, interpreter.tick(), owner, name, value, interpreter.tapes)
        )
        assigned: tuple[Any, ...] = owner.fields.get("#assigned") or ()
        interpreter.store.put(
            owner.fields, "#assigned", (*assigned[-7:], (interpreter.serial, name, value, call.node, interpreter.frame))
        )
        return owner
    if name in ("read_value", "value"):
        return interpreter.operation(
            "op", name, call.node, (owner,), dtype=operators.dtype_of(owner), shape=owner.fields.get("shape")
        )
    if name in LEAVING:
        return interpreter.operation(
            "method",
            name,
            call.node,
            (owner,),
            Transfer.LEAVES,
            dtype=operators.dtype_of(owner),
            shape=owner.fields.get("shape"),
            numpy=True,
        )
    if name in ("initialized_value", "sparse_read", "gather_nd"):
        return interpreter.operation("op", name, call.node, (owner,), dtype=operators.dtype_of(owner))
    return (
        UNKNOWN
        if name in ("set_shape", "get_shape")
        else interpreter.operation("op", name, call.node, (owner, *flatten(call.all())))
    )


_BY_NAME = frozenset({"tf1.get_variable", "tf.get_variable"})

FUNCTIONS: dict[str, Handler] = {
    "tf.Variable": _variable,
    "keras.Variable": _variable,
    "K.variable": _variable,
    "tf1.get_variable": _variable,
    "tf.get_variable": _variable,
}
