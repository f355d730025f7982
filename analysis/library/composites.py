"""Things that are made of tensors and hold them: sparse tensors, indexed slices, linear operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrad.analysis.library.operation_calls import flatten
from regrad.analysis.operations import Transfer
from regrad.analysis.values import External, Tensor, Value, Variable

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler


def _converting(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`SparseTensor(indices, values, dense_shape)`: a variable is read when it is made, and never again."""
    values = call.get("values", 1)
    if values is None or not _is_made_of_weights(values):
        return _unknown(interpreter, name, call)
    return interpreter.operation("op", name.rpartition(".")[2], call.node, flatten((values,)))


def _holding(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`LinearOperatorDiag(values)`: holds tensors as they are, and a variable so that it is read at each use."""
    values = call.get("values", 0)
    given = flatten(call.all() if "LinearOperator" in name else () if values is None else (values,))
    if not any(_is_made_of_weights(value) for value in given):
        return _unknown(interpreter, name, call)
    last = name.rpartition(".")[2]
    held = tuple(
        interpreter.operation("op", last, call.node, (value,)) if _is_read_at_once(interpreter, value) else value
        for value in given
    )
    return interpreter.operation("join", last, call.node, held, Transfer.JOIN)


def _is_read_at_once(interpreter: Interpreter, value: Value) -> bool:
    """Whether it is a weight of Keras 3, which TensorFlow does not know for a variable of its own (measured)."""
    return interpreter.keras == 3 and isinstance(value, Variable) and value.maker == "add_weight"


def _is_made_of_weights(value: Value) -> bool:
    """Whether a variable was read for it; of anything else as little is said as of what is not known."""
    from regrad.analysis.flow import Flow

    if not isinstance(value, (Tensor, Variable)):
        return False
    reach = Flow(None).reach(value)
    return bool(reach.sources) and not reach.anything


def _unknown(interpreter: Interpreter, name: str, call: Call) -> Value:
    from regrad.analysis import calls

    return calls.unknown_call(interpreter, External(name), call)


FUNCTIONS: dict[str, Handler] = {
    "tf.SparseTensor": _converting,
    "tf.sparse.SparseTensor": _converting,
    "tf1.SparseTensor": _converting,
    "tf.IndexedSlices": _holding,
}
PREFIXES: dict[str, Handler] = {"tf.linalg.LinearOperator": _holding}
