"""TensorFlow's operations, variables and the methods of tensors, after the table in `operations`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regrad.analysis import iteration, joining, operators
from regrad.analysis.events import Assigned
from regrad.analysis.names import namespace
from regrad.analysis.operations import FLOAT_DTYPES, Operator, Transfer, is_integer, lookup
from regrad.analysis.values import (
    NONE,
    UNKNOWN,
    BoundMethod,
    Class,
    Collection,
    Constant,
    External,
    Function,
    Gradients,
    Mapping,
    Partial,
    Shape,
    Tensor,
    Union_,
    Unknown,
    Value,
    Variable,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler

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
_OUTSIDE = ("scipy.", "sklearn.metrics.", "cv2.", "math.")
_CALLABLE = (Function, BoundMethod, Partial)


def from_table(interpreter: Interpreter, name: str, call: Call) -> Value | None:
    """The result of a library operation; None for a name that is not one."""
    space = namespace(name)
    if space not in _TABLE_SPACES and not name.startswith(_TABLE_PREFIXES):
        return None
    if name.startswith(_OUTSIDE) and not any(carries_tensor(value) for value in call.all()):
        return None
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
    inputs = differentiable_inputs(call, operator)
    made = make(interpreter, last, call, operator, inputs)
    if operator.positions is not None:
        made.operation.inputs = (*inputs, *_selectors(interpreter, call, inputs))
    return made


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


def literal_array(value: Collection, dtype: str | None) -> tuple[str | None, Shape | None, frozenset[str], int | None]:
    """What a nested list of numbers says: dtype, shape, whether these can be labels, and the largest."""
    shape: list[int | None] = []
    level: Value = value
    while isinstance(level, Collection):
        shape.append(len(level.items) if level.complete else None)
        if not level.items:
            return dtype, None, frozenset(), None
        level = level.items[0]
    if isinstance(level, (Tensor, Variable, Unknown, Union_)):
        inner = operators.shape_of(level)
        found = operators.dtype_of(level)
        return dtype or found, (*shape, *inner) if inner is not None else None, frozenset(), None
    numbers = [item.value for item in _numbers(value, 4096)]
    if not numbers or not isinstance(level, Constant):
        return dtype, tuple(shape), frozenset(), None
    whole = all(isinstance(number, int) for number in numbers)
    facts: set[str] = set()
    high = int(max(numbers)) if all(float(number).is_integer() for number in numbers) and min(numbers) >= 0 else None
    if high is not None and high <= 1:
        facts.add("binary")
    if whole and high is not None:
        facts.add("labels")
    if high == 1 and len(shape) == 2 and (shape[1] or 0) > 1 and _rows_sum_to_one(value):
        facts.add("one-hot")
    return dtype or ("int64" if whole else "float64"), tuple(shape), frozenset(facts), high


def _numbers(value: Value, limit: int) -> list[Constant]:
    found: list[Constant] = []
    queue: list[Value] = [value]
    while queue and len(found) < limit:
        item = queue.pop()
        if isinstance(item, Collection):
            queue.extend(item.items)
        elif isinstance(item, Constant) and isinstance(item.value, (int, float)):
            found.append(item)
        else:
            return []
    return found


def _rows_sum_to_one(value: Collection) -> bool:
    for row in value.items:
        if not isinstance(row, Collection):
            return False
        numbers = [item.value for item in row.items if isinstance(item, Constant)]
        if len(numbers) != len(row.items) or sum(numbers) != 1:
            return False
    return True


# -- functions with a meaning of their own -----------------------------------------------------------------------------


def dtype_value(value: Value | None) -> str | None:
    """A dtype argument as a name."""
    if isinstance(value, Constant) and isinstance(value.value, str):
        return value.value
    if isinstance(value, External):
        last = value.name.rpartition(".")[2]
        if value.name in ("builtins.float", "builtins.int", "builtins.bool"):
            return {"float": "float64", "int": "int64", "bool": "bool"}[last]
        return last if last in FLOAT_DTYPES or is_integer(last) else None
    return None


def _cast(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get("x", 0) or UNKNOWN
    dtype = dtype_value(call.get("dtype", 1))
    if name.rpartition(".")[2].startswith("to_"):
        dtype = {"to_float": "float32", "to_int32": "int32", "to_int64": "int64", "to_double": "float64"}.get(
            name.rpartition(".")[2]
        )
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
    if isinstance(value, (Tensor, Variable, Unknown)) or (
        isinstance(value, Collection) and any(carries_tensor(item) for item in value.items)
    ):
        dtype = dtype_value(call.get("dtype", 1)) or operators.dtype_of(value)
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


def _filled(interpreter: Interpreter, name: str, call: Call) -> Value:
    last = name.rpartition(".")[2]
    first = call.get("shape", 0) or call.get("dims")
    shape = sizes(first)
    stated = call.get("dtype") or (call.get(None, 1) if last in ("zeros", "ones") else None)
    numpy = name.startswith("np.")
    dtype = dtype_value(stated) or ("float64" if numpy else "float32")
    facts = frozenset({"constant"} if last in ("zeros", "ones", "fill", "full", "eye") else set())
    if last in ("zeros", "ones"):
        facts |= {"binary"}
    return interpreter.operation(
        "constant", last, call.node, (), dtype=dtype, shape=shape, numpy=numpy, facts=facts, arguments=named(call)
    )


def sizes(value: Value | None) -> Shape | None:
    """A shape argument."""
    if isinstance(value, Constant) and isinstance(value.value, int):
        return (value.value,)
    if isinstance(value, Collection) and value.complete:
        return tuple(
            item.value if isinstance(item, Constant) and isinstance(item.value, int) else None for item in value.items
        )
    return None


def _random(interpreter: Interpreter, name: str, call: Call) -> Value:
    shape = sizes(call.get("shape", 0))
    dtype = dtype_value(call.get("dtype"))
    high = call.get("maxval", 2)
    facts = frozenset({"labels"}) if is_integer(dtype) else frozenset()
    largest = (
        high.value - 1 if is_integer(dtype) and isinstance(high, Constant) and isinstance(high.value, int) else None
    )
    return interpreter.operation(
        "random",
        name.rpartition(".")[2],
        call.node,
        (),
        dtype=dtype or "float32",
        shape=shape,
        facts=facts,
        high=largest,
    )


def _range(interpreter: Interpreter, name: str, call: Call) -> Value:
    dtype = dtype_value(call.get("dtype"))
    if dtype is None:
        floats = any(isinstance(value, Constant) and isinstance(value.value, float) for value in call.positional)
        dtype = "float32" if floats else "int32"
    return interpreter.operation("constant", "range", call.node, (), dtype=dtype, shape=(None,))


def _variable(interpreter: Interpreter, name: str, call: Call) -> Value:
    names: tuple[str, ...] = ("initial_value", "trainable", "validate_shape", "caching_device", "name")
    if name == "keras.Variable":
        names = ("initializer", "shape", "dtype", "trainable")
    if name in ("tf1.get_variable",):
        names = ("name", "shape", "dtype", "initializer", "regularizer", "trainable")
    arguments: dict[str, Value] = dict(zip(names, call.positional, strict=False))
    arguments.update(call.keywords)
    initial = arguments.get("initial_value") if name == "tf.Variable" else arguments.get("initializer")
    if isinstance(initial, (Function, Partial)):
        from regrad.analysis.interpreter import Call as Arguments

        initial = interpreter.call(initial, Arguments(call.node))
    maker = "keras.Variable" if name == "keras.Variable" else "tf.Variable"
    return make_variable(interpreter, maker, arguments, initial, None, call)


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


def _apply_function(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`map_fn`, `vectorized_map`, `scan`, `while_loop`, `cond`, `py_function` and the like: the functions are
    interpreted, what they return flows.
    """
    from regrad.analysis import calls
    from regrad.analysis.interpreter import Call as Arguments

    last = name.rpartition(".")[2]
    functions = [value for value in call.all() if isinstance(value, _CALLABLE)]
    others = flatten(tuple(value for value in call.all() if not isinstance(value, _CALLABLE)))
    results: list[Value] = []
    for function in functions:
        if last in ("cond", "case"):
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
            return interpreter.operation("op", last, call.node, flatten((result, *others)))
        else:
            results.append(calls.call_unknown(interpreter, function, call.node))
    joined = joining.join_all(interpreter, results) if results else UNKNOWN
    if isinstance(joined, (Tensor, Collection)) and last in ("cond", "case"):
        return joined
    return interpreter.operation("op", last, call.node, (*flatten((joined,)), *others))


def _same_function(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`tf.function(f)`, `recompute_grad(f)`: the function itself; without one, a decorator."""
    function = call.get("func", 0) or call.get("python_function") or call.get("f")
    if function is None:
        return External(name)
    return function


def _gradient_free(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`numpy_function`, `py_func`: the result has no gradient; the function itself is interpreted for what it shows."""
    from regrad.analysis import calls

    calls.call_through(interpreter, call)
    inputs = flatten(tuple(value for value in call.all() if not isinstance(value, _CALLABLE)))
    return interpreter.operation(
        "op", name.rpartition(".")[2], call.node, inputs, Transfer.LEAVES, arguments=named(call)
    )


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
    shape = tuple(None if size == -1 else size for size in target) if target is not None else None
    return interpreter.operation(
        "op", "reshape", call.node, (value,), dtype=operators.dtype_of(value), shape=shape, arguments=named(call)
    )


def _epsilon(interpreter: Interpreter, name: str, call: Call) -> Value:
    return Constant(1e-7, call.node)


FUNCTIONS: dict[str, Handler] = {
    "K.epsilon": _epsilon,
    "keras.config.epsilon": _epsilon,
    "tf.Variable": _variable,
    "keras.Variable": _variable,
    "K.variable": _variable,
    "tf1.get_variable": _variable,
    "tf.function": _same_function,
    "tf.recompute_grad": _same_function,
    "tf.autograph.experimental.do_not_convert": _same_function,
    **{f"{space}.cast": _cast for space in ("tf", "tf1", "ops", "K", "tnp")},
    **{
        f"{space}.{name}": _cast
        for space in ("tf", "tf1")
        for name in ("to_float", "to_int32", "to_int64", "to_double")
    },
    **{f"{space}.constant": _constant for space in ("tf", "tf1", "K")},
    **{f"{space}.convert_to_tensor": _convert for space in ("tf", "tf1", "ops")},
    **{
        f"{space}.{name}": _filled
        for space in ("tf", "tf1", "np", "ops", "K", "tnp")
        for name in ("zeros", "ones", "fill", "full", "empty")
    },
    **{
        f"tf.random.{name}": _random
        for name in ("normal", "uniform", "truncated_normal", "stateless_normal", "stateless_uniform")
    },
    **{f"tf1.{name}": _random for name in ("random_normal", "random_uniform", "truncated_normal")},
    **{f"keras.random.{name}": _random for name in ("normal", "uniform")},
    **{f"{space}.{name}": _range for space in ("tf", "tf1", "ops") for name in ("range", "linspace", "arange")},
    **{
        f"tf.{name}": _apply_function
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
    **{f"ops.{name}": _apply_function for name in ("map", "cond", "scan", "while_loop", "vectorized_map")},
    **{f"{name}": _gradient_free for name in ("tf.numpy_function", "tf.py_func", "tf1.py_func", "tf1.numpy_function")},
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
    **{f"{space}.squeeze": _squeeze for space in ("tf", "tf1", "ops", "K")},
    **{f"{space}.expand_dims": _expand for space in ("tf", "tf1", "ops", "K")},
    **{f"{space}.reshape": _reshape for space in ("tf", "tf1", "ops", "K", "np")},
}

_LEAVING = frozenset({"numpy", "item", "tolist", "__array__", "__float__", "__int__", "eval"})
_REDUCING = frozenset({"mean", "sum", "max", "min", "std", "var", "prod"})


def method(interpreter: Interpreter, owner: Value, name: str, call: Call) -> Value | None:
    """Methods of tensors, arrays and variables."""
    if isinstance(owner, Gradients):
        owner = owner.tensor
    if isinstance(owner, Variable):
        return _of_variable(interpreter, owner, name, call)
    if isinstance(owner, Tensor):
        from regrad.analysis.library.arrays import generator_method

        return generator_method(interpreter, owner, name, call) or _of_tensor(interpreter, owner, name, call)
    if name in ("run", "experimental_run_v2") and any(isinstance(value, _CALLABLE) for value in call.positional[:1]):
        return _apply_function(interpreter, "strategy." + name, call)
    if name == "numpy" and not call.positional and isinstance(owner, Unknown):
        return interpreter.operation("method", "numpy", call.node, (owner,), Transfer.LEAVES, numpy=True)
    return None


def _of_tensor(interpreter: Interpreter, owner: Tensor, name: str, call: Call) -> Value:
    inputs = (owner, *flatten(call.all()))
    if name in _LEAVING and not owner.numpy:
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
        shape = tuple(None if size == -1 else size for size in target) if target is not None else None
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


def _of_variable(interpreter: Interpreter, owner: Variable, name: str, call: Call) -> Value:
    if name in (
        "assign",
        "assign_add",
        "assign_sub",
        "scatter_update",
        "scatter_nd_update",
        "load",
        "scatter_add",
        "scatter_sub",
    ):
        value = call.get("value", 0) or call.get("delta") or UNKNOWN
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
    if name in _LEAVING:
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
