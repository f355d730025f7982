"""Functions that are given to TensorFlow: mapped, branched on, traced, run by a strategy or outside of TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from regrad.analysis import iteration, joining
from regrad.analysis.library.operation_calls import flatten, named
from regrad.analysis.operations import Transfer
from regrad.analysis.values import UNKNOWN, BoundMethod, Collection, External, Function, Mapping, Partial, Tensor, Value

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

CALLABLE = (Function, BoundMethod, Partial)
_BRANCHING = frozenset({"cond", "case", "switch_case"})


def apply_function(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`map_fn`, `vectorized_map`, `scan`, `while_loop`, `cond`, `py_function` and the like: the functions are
    interpreted, what they return flows.
    """
    from regrad.analysis import calls
    from regrad.analysis.interpreter import Call as Arguments

    last = name.rpartition(".")[2]
    functions = list(_functions_in(call.all()))
    others = flatten(tuple(value for value in call.all() if not isinstance(value, CALLABLE)))
    results: list[Value] = []
    for function in functions:
        if last in _BRANCHING:
            results.append(interpreter.call(function, Arguments(call.node)))
        elif last in ("map_fn", "vectorized_map", "foldl", "foldr", "scan", "map"):
            elements = call.get("elems", 1) or UNKNOWN
            items: tuple[Value, ...] = (iteration.element(interpreter, elements, call.node),)
            if last in ("foldl", "foldr", "scan"):
                items = (call.get("initializer", 2) or items[0], *items)
            results.append(interpreter.call(function, Arguments(call.node, items)))
        elif last in ("run", "experimental_run_v2"):
            passed = call.get("args", 1)
            keywords = call.get("kwargs", 2)
            values = tuple(iteration.known_elements(interpreter, passed) or ()) if passed is not None else ()
            named_values = dict(keywords.entries) if isinstance(keywords, Mapping) else {}
            return interpreter.call(function, Arguments(call.node, values, named_values))
        elif last in ("py_function", "eager_py_func"):
            passed = call.get("inp", 1)
            values = tuple(iteration.known_elements(interpreter, passed) or ()) if passed is not None else ()
            result = interpreter.call(function, Arguments(call.node, values))
            return _outputs(call, result, lambda part: _passed(interpreter, last, call, part, others))
        else:
            results.append(calls.call_unknown(interpreter, function, call.node))
    joined = joining.join_all(interpreter, results) if results else UNKNOWN
    if isinstance(joined, (Tensor, Collection)) and last in _BRANCHING:
        return joined
    return interpreter.operation("op", last, call.node, (*flatten((joined,)), *others))


def _passed(interpreter: Interpreter, name: str, call: Call, part: Value, others: tuple[Value, ...]) -> Value:
    """One output of a `py_function`, whose gradient is that of what the function returned."""
    return interpreter.operation("op", name, call.node, flatten((part, *others)))


def _outputs(call: Call, result: Value, output: Callable[[Value], Value]) -> Value:
    """What a Python function gives inside of TensorFlow: a list with one tensor for each type where `Tout` is a list or
    tuple of types, else one tensor.
    """
    types = call.get("Tout", 2)
    if not (isinstance(types, Collection) and types.covered):
        return output(result)
    parts = (result,) * len(types.items)
    if isinstance(result, Collection) and result.covered and len(result.items) == len(parts):
        parts = result.items
    return Collection("list", tuple(output(part) for part in parts))


def _functions_in(values: Iterable[Value]) -> Iterator[Value]:
    """The functions among the arguments, and in the lists that hold the branches of `case` and `switch_case`."""
    for value in values:
        if isinstance(value, CALLABLE):
            yield value
        elif isinstance(value, Collection):
            yield from _functions_in(value.items)
        elif isinstance(value, Mapping):
            yield from _functions_in(value.entries.values())


def _same_function(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`tf.function(f)`, `recompute_grad(f)`: the function itself; without one, a decorator."""
    function = call.get("func", 0) or call.get("python_function") or call.get("f")
    if function is None:
        return External(name)
    return function


def _gradient_free(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`numpy_function`, `py_func`: the result has no gradient; the function itself is interpreted for what it shows."""
    from regrad.analysis import calls

    inputs = flatten(tuple(value for value in call.all() if not isinstance(value, CALLABLE)))
    if any(isinstance(value, Tensor) for value in inputs):
        calls.call_through(interpreter, call)
    else:
        # What it is made of stands inside of it: a model that is called there loses its gradient all the same.
        functions = [value for value in call.all() if isinstance(value, CALLABLE)]
        inside = tuple(calls.call_unknown(interpreter, function, call.node) for function in functions)
        inputs = (*inputs, *flatten(inside))

    def output(_: Value) -> Value:
        return interpreter.operation(
            "op", name.rpartition(".")[2], call.node, inputs, Transfer.LEAVES, arguments=named(call)
        )

    return _outputs(call, UNKNOWN, output)


FUNCTIONS: dict[str, Handler] = {
    "tf.function": _same_function,
    "tf.recompute_grad": _same_function,
    "tf.autograph.experimental.do_not_convert": _same_function,
    **{
        f"tf.{name}": apply_function
        for name in (
            "map_fn",
            "vectorized_map",
            "scan",
            "foldl",
            "foldr",
            "while_loop",
            "cond",
            "case",
            "py_function",
            "switch_case",
        )
    },
    **{f"ops.{name}": apply_function for name in ("map", "cond", "scan", "while_loop", "vectorized_map")},
    **{f"{name}": _gradient_free for name in ("tf.numpy_function", "tf.py_func", "tf1.py_func", "tf1.numpy_function")},
}
