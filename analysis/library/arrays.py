"""NumPy data and the data sets of Keras: what is known of the numbers (labels, one-hot rows, shapes)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from regrad.analysis import operators
from regrad.analysis.library.literals import dtype_value, sizes
from regrad.analysis.library.operation_calls import flatten, numpy_operation
from regrad.analysis.operations import Transfer, is_integer
from regrad.analysis.values import (
    NONE,
    UNKNOWN,
    Collection,
    Constant,
    Shape,
    Tensor,
    Value,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler


def _generator(interpreter: Interpreter, name: str, call: Call) -> Value:
    return interpreter.operation("random", "generator", call.node, (), numpy=True)


def _random(interpreter: Interpreter, name: str, call: Call) -> Value:
    last = name.rpartition(".")[2]
    shape: Shape | None
    if last in ("rand", "randn"):
        shape = tuple(
            value.value if isinstance(value, Constant) and isinstance(value.value, int) else None
            for value in call.positional
        )
    else:
        position = {
            "random": 0,
            "random_sample": 0,
            "sample": 0,
            "standard_normal": 0,
            "normal": 2,
            "uniform": 2,
            "lognormal": 2,
        }.get(last)
        shape = sizes(call.get("size", position))
    given = {**{str(place): value for place, value in enumerate(call.positional)}, **call.keywords}
    return interpreter.operation(
        "random", last, call.node, (), dtype="float64", shape=shape, numpy=True, arguments=given
    )


def scalar(interpreter: Interpreter, dtype: str, call: Call) -> Value:
    """`np.float32(x)`: a dtype that is called; the name of a dtype is known as the text that says it."""
    value = call.get(None, 0)
    if isinstance(value, Constant) and isinstance(value.value, (int, float)):
        try:
            return Constant(int(value.value) if is_integer(dtype) else float(value.value), value.node)
        except (ValueError, OverflowError):
            return UNKNOWN
    made = numpy_operation(interpreter, f"np.{dtype}", call, None)
    if isinstance(made, Tensor) and made.dtype is None:
        made.dtype = dtype
    return made


def _integers(interpreter: Interpreter, name: str, call: Call) -> Value:
    low, high = call.get("low", 0), call.get("high", 1)
    if high is None or (isinstance(high, Constant) and high.value is None):
        high = low
    largest = high.value - 1 if isinstance(high, Constant) and isinstance(high.value, int) else None
    shape = sizes(call.get("size", 2))
    facts = {"labels"} | ({"binary"} if largest == 1 else set())
    dtype = dtype_value(call.get("dtype")) or "int64"
    return interpreter.operation(
        "random", "randint", call.node, (), dtype=dtype, shape=shape, numpy=True, facts=frozenset(facts), high=largest
    )


def _choice(interpreter: Interpreter, name: str, call: Call) -> Value:
    first = call.get("a", 0)
    if isinstance(first, Constant) and isinstance(first.value, int):
        return interpreter.operation(
            "random",
            "choice",
            call.node,
            (),
            dtype="int64",
            shape=sizes(call.get("size", 1)),
            numpy=True,
            facts=frozenset({"labels"}),
            high=first.value - 1,
        )
    if (
        isinstance(first, Collection)
        and all(isinstance(item, Constant) and isinstance(item.value, int) for item in first.items)
        and first.items
    ):
        values = [item.value for item in first.items if isinstance(item, Constant)]
        facts = {"labels"} | ({"binary"} if set(values) <= {0, 1} else set())
        return interpreter.operation(
            "random",
            "choice",
            call.node,
            (),
            dtype="int64",
            shape=sizes(call.get("size", 1)),
            numpy=True,
            facts=frozenset(facts),
            high=max(values),
        )
    return interpreter.operation("random", "choice", call.node, flatten(call.positional[:1]), numpy=True)


def _categorical(interpreter: Interpreter, name: str, call: Call) -> Value:
    labels = call.get("y", 0) or call.get("x") or UNKNOWN
    count = call.get("num_classes", 1) or call.get("nb_classes")
    classes = count.value if isinstance(count, Constant) and isinstance(count.value, int) else None
    shape = operators.shape_of(labels)
    batch = shape[:1] if shape and len(shape) == 2 and shape[-1] == 1 else shape
    made: Shape | None = (*batch, classes) if batch is not None else (None, classes)
    if shape is None and _is_cut_twice(call.node_of("y", 0)):
        made = None
    return interpreter.operation(
        "op",
        "to_categorical",
        call.node,
        flatten((labels,)),
        Transfer.LEAVES,
        dtype="float32",
        shape=made,
        numpy=True,
        facts=frozenset({"one-hot"}),
    )


def _is_cut_twice(node: ast.AST | None) -> bool:
    """Whether it is written as a part of something with more axes than one: `tokens[:, 1:]`."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
        return False
    return sum(isinstance(each, ast.Slice) for each in node.slice.elts) > 1


def _padded(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`pad_sequences(sequences, maxlen)`: a row of numbers for each sequence."""
    length = call.get("maxlen", 1)
    known = length.value if isinstance(length, Constant) and isinstance(length.value, int) else None
    given = call.get("sequences", 0)
    inputs = flatten((given,)) if given is not None else ()
    stated = call.get("dtype", 2)
    dtype = stated.value if isinstance(stated, Constant) and isinstance(stated.value, str) else "int32"
    return interpreter.operation(
        "numpy", "pad_sequences", call.node, inputs, Transfer.LEAVES, dtype=dtype, shape=(None, known), numpy=True
    )


def _dummies(interpreter: Interpreter, name: str, call: Call) -> Value:
    return interpreter.operation(
        "numpy",
        "get_dummies",
        call.node,
        (),
        dtype="bool",
        shape=(None, None),
        numpy=True,
        facts=frozenset({"one-hot"}),
    )


def _seeded(interpreter: Interpreter, name: str, call: Call) -> Value:
    return NONE


_IMAGE_SETS = {
    "mnist": ((60000, 28, 28), (60000,), 10),
    "fashion_mnist": ((60000, 28, 28), (60000,), 10),
    "cifar10": ((50000, 32, 32, 3), (50000, 1), 10),
    "cifar100": ((50000, 32, 32, 3), (50000, 1), 100),
}


def _load_data(interpreter: Interpreter, name: str, call: Call) -> Value:
    which = name.split(".")[-2] if "." in name else ""
    known = _IMAGE_SETS.get(which)

    def part(fraction: int) -> Collection:
        if known is not None:
            images, labels, classes = known
            size = images[0] if fraction == 0 else 10000
            x = interpreter.operation(
                "data", which, call.node, (), dtype="uint8", shape=(size, *images[1:]), numpy=True
            )
            y = interpreter.operation(
                "data",
                which,
                call.node,
                (),
                dtype="uint8",
                shape=(size, *labels[1:]),
                numpy=True,
                facts=frozenset({"labels"}),
                high=classes - 1,
            )
            return Collection("tuple", (x, y))
        if which == "imdb":
            x = interpreter.operation("data", which, call.node, (), dtype="object", shape=(25000,), numpy=True)
            y = interpreter.operation(
                "data",
                which,
                call.node,
                (),
                dtype="int64",
                shape=(25000,),
                numpy=True,
                facts=frozenset({"labels", "binary"}),
                high=1,
            )
            return Collection("tuple", (x, y))
        if which == "reuters":
            x = interpreter.operation("data", which, call.node, (), dtype="object", shape=(None,), numpy=True)
            y = interpreter.operation(
                "data",
                which,
                call.node,
                (),
                dtype="int64",
                shape=(None,),
                numpy=True,
                facts=frozenset({"labels"}),
                high=45,
            )
            return Collection("tuple", (x, y))
        if which in ("boston_housing", "california_housing"):
            x = interpreter.operation(
                "data",
                which,
                call.node,
                (),
                dtype="float64",
                shape=(None, 13 if which.startswith("b") else 8),
                numpy=True,
            )
            y = interpreter.operation("data", which, call.node, (), dtype="float64", shape=(None,), numpy=True)
            return Collection("tuple", (x, y))
        return Collection("tuple", (interpreter.unknown("call", "x"), interpreter.unknown("call", "y")))

    return Collection("tuple", (part(0), part(1)), True, call.node)


def _split(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`train_test_split(a, b, …)`: two of each."""
    out: list[Value] = []
    for value in call.positional:
        for _ in range(2):
            if isinstance(value, Tensor):
                shape = (None, *value.shape[1:]) if value.shape else None
                out.append(
                    interpreter.operation(
                        "numpy",
                        "split",
                        call.node,
                        (value,),
                        dtype=value.dtype,
                        shape=shape,
                        numpy=True,
                        facts=value.facts,
                        high=value.high,
                    )
                )
            else:
                out.append(interpreter.unknown("call", "split", (value,)))
    return Collection("list", tuple(out), True, call.node)


_RANDOM_FLOATS = (
    "rand",
    "randn",
    "random",
    "random_sample",
    "normal",
    "uniform",
    "standard_normal",
    "sample",
    "beta",
    "exponential",
    "gamma",
    "laplace",
    "lognormal",
)

FUNCTIONS: dict[str, Handler] = {
    "np.random.RandomState": _generator,
    "np.random.default_rng": _generator,
    "np.random.seed": _seeded,
    **{f"np.random.{name}": _random for name in _RANDOM_FLOATS},
    **{f"np.random.{name}": _integers for name in ("randint", "integers", "random_integers")},
    "np.random.choice": _choice,
    "np.random.shuffle": _seeded,
    **{
        f"{name}": _categorical
        for name in (
            "keras.utils.to_categorical",
            "keras.utils.np_utils.to_categorical",
            "np_utils.to_categorical",
            "keras.utils.numerical_utils.to_categorical",
        )
    },
    **{
        f"keras.{place}.pad_sequences": _padded
        for place in ("utils", "preprocessing.sequence", "preprocessing", "utils.data_utils", "utils.sequence_utils")
    },
    "pandas.get_dummies": _dummies,
    "sklearn.model_selection.train_test_split": _split,
    **{
        f"keras.datasets.{name}.load_data": _load_data
        for name in (
            "mnist",
            "fashion_mnist",
            "cifar10",
            "cifar100",
            "imdb",
            "reuters",
            "boston_housing",
            "california_housing",
        )
    },
}


def generator_method(interpreter: Interpreter, owner: Tensor, name: str, call: Call) -> Value | None:
    """Methods of `np.random.RandomState` and `default_rng()`: the functions of the same name."""
    if owner.operation.name != "generator" or owner.operation.kind != "random":
        return None
    handler = FUNCTIONS.get("np.random." + name)
    if handler is not None:
        return handler(interpreter, "np.random." + name, call)
    parameters = {"poisson": 1, "geometric": 1, "binomial": 2}.get(name)
    shape = _of_its_argument(call) if parameters == len((*call.positional, *call.keywords)) else None
    return interpreter.operation("random", name, call.node, flatten(call.all()), shape=shape, numpy=True)


def _of_its_argument(call: Call) -> Shape | None:
    """The shape of what is drawn for each element of the one array that is given beside numbers, and no size."""
    given = [*call.positional, *call.keywords.values()]
    arrays = [value for value in given if isinstance(value, Tensor)]
    numbers = all(
        isinstance(value, Constant) and isinstance(value.value, (int, float)) for value in given if value not in arrays
    )
    return arrays[0].shape if len(arrays) == 1 and numbers and "size" not in call.keywords else None
