"""Datasets and iterators: what one training step is handed, and whether a target is among it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrad.analysis import iteration, iterators, joining
from regrad.analysis.values import (
    NONE,
    UNKNOWN,
    BoundMethod,
    Collection,
    Constant,
    Dataset,
    External,
    Function,
    Instance,
    Layer,
    Mapping,
    Partial,
    Shape,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from regrad.analysis.interpreter import Call, Interpreter
    from regrad.analysis.library import Handler


def sliced(interpreter: Interpreter, value: Value, call: Call) -> Value:
    """What one element of `from_tensor_slices(value)` is: the same structure, each part without its first axis."""
    if isinstance(value, Collection) and value.kind == "tuple":
        return Collection(
            "tuple", tuple(sliced(interpreter, item, call) for item in value.items), value.complete, value.node
        )
    if isinstance(value, Mapping):
        return Mapping(
            {key: sliced(interpreter, item, call) for key, item in value.entries.items()}, value.complete, value.node
        )
    if isinstance(value, Tensor):
        shape = value.shape[1:] if value.shape else None
        return interpreter.operation(
            "data", "slice", call.node, (), dtype=value.dtype, shape=shape, facts=value.facts, high=value.high
        )
    return iteration.element(interpreter, value, call.node)


def batched(interpreter: Interpreter, value: Value, call: Call) -> Value:
    """An element after `batch`: every part gets a leading axis."""
    if isinstance(value, Collection) and value.kind == "tuple":
        return Collection(
            "tuple", tuple(batched(interpreter, item, call) for item in value.items), value.complete, value.node
        )
    if isinstance(value, Mapping):
        return Mapping(
            {key: batched(interpreter, item, call) for key, item in value.entries.items()}, value.complete, value.node
        )
    if isinstance(value, Tensor):
        shape: Shape | None = (None, *value.shape) if value.shape is not None else None
        return interpreter.operation(
            "data",
            "batch",
            call.node,
            (),
            dtype=value.dtype,
            shape=shape,
            facts=value.facts,
            high=value.high,
            arguments={"element": value},
        )
    return value


def _slices(interpreter: Interpreter, name: str, call: Call) -> Value:
    value = call.get("tensors", 0) or UNKNOWN
    return Dataset("dataset", sliced(interpreter, value, call), call.node)


def _tensors(interpreter: Interpreter, name: str, call: Call) -> Value:
    return Dataset("dataset", call.get("tensors", 0) or UNKNOWN, call.node)


def _from_generator(interpreter: Interpreter, name: str, call: Call) -> Value:
    from regrad.analysis.interpreter import Call as Arguments

    generator = call.get("generator", 0)
    made = (
        interpreter.call(generator, Arguments(call.node))
        if isinstance(generator, (Function, BoundMethod, Partial))
        else UNKNOWN
    )
    return Dataset("dataset", made.element if isinstance(made, Dataset) else None, call.node)


def _range(interpreter: Interpreter, name: str, call: Call) -> Value:
    return Dataset("dataset", interpreter.operation("data", "range", call.node, (), dtype="int64", shape=()), call.node)


def _zip(interpreter: Interpreter, name: str, call: Call) -> Value:
    parts = call.get("datasets", 0)
    values = parts.items if isinstance(parts, Collection) else call.positional
    elements = tuple(
        value.element if isinstance(value, Dataset) and value.element is not None else interpreter.unknown("element")
        for value in values
    )
    return Dataset("dataset", Collection("tuple", elements), call.node)


def _image_generator(interpreter: Interpreter, name: str, call: Call) -> Value:
    return Dataset("image-generator", None, call.node)


def _images(interpreter: Interpreter, call: Call) -> Tensor:
    return interpreter.operation("data", "images", call.node, (), dtype="float32", shape=(None, None, None, None))


def from_directory(interpreter: Interpreter, call: Call, default: str) -> Value:
    """`image_dataset_from_directory`, `flow_from_directory`: labels by `label_mode`/`class_mode`."""
    mode = call.get("label_mode") or call.get("class_mode")
    if mode is None:
        known: object = default
    elif isinstance(mode, Constant):
        known = mode.value
    else:
        return Dataset("directory", None, call.node)
    stated = call.get("labels")
    if isinstance(stated, Constant) and stated.value is None:
        known = None
    images = _images(interpreter, call)
    if known is None:
        return Dataset("directory", images, call.node)
    if known == "input":
        return Dataset("directory", Collection("tuple", (images, images)), call.node)
    facts = {"categorical": {"one-hot"}, "int": {"labels"}, "sparse": {"labels"}, "binary": {"binary", "labels"}}.get(
        str(known), set()
    )
    labels = interpreter.operation(
        "data",
        "labels",
        call.node,
        (),
        dtype="int32" if known in ("int",) else "float32",
        shape=(None, None)
        if known == "categorical"
        else (None, 1)
        if known == "binary" and default == "int"
        else (None,),
        facts=frozenset(facts),
    )
    return Dataset("directory", Collection("tuple", (images, labels)), call.node)


def _directory(interpreter: Interpreter, name: str, call: Call) -> Value:
    return from_directory(interpreter, call, "int")


def _windows(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`timeseries_dataset_from_array`: windows of an array, with a target for each or with none."""
    data, targets, length = call.get("data", 0), call.get("targets", 1), call.get("sequence_length", 2)
    size = length.value if isinstance(length, Constant) and isinstance(length.value, int) else None
    known = isinstance(data, Tensor) and data.shape
    shape = (None, size, *data.shape[1:]) if known and isinstance(data, Tensor) and data.shape else None
    windows = interpreter.operation("data", "windows", call.node, (), shape=shape)
    if targets is None or (isinstance(targets, Constant) and targets.value is None):
        return Dataset("timeseries", windows if call.complete else None, call.node)
    if not isinstance(targets, Tensor):
        return Dataset("timeseries", None, call.node)
    rest = (None, *targets.shape[1:]) if targets.shape else None
    values = interpreter.operation(
        "data", "targets", call.node, (), dtype=targets.dtype, shape=rest, facts=targets.facts
    )
    return Dataset("timeseries", Collection("tuple", (windows, values)), call.node)


def _records(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`tf.data.TFRecordDataset(files)` and its like: each element is one string."""
    return Dataset(
        "dataset", interpreter.operation("data", "record", call.node, (), dtype="string", shape=()), call.node
    )


def _unbound(interpreter: Interpreter, name: str, call: Call) -> Value:
    """`tf.data.Dataset.concatenate(one, other)`: a method of the class, given its dataset as the first argument."""
    from regrad.analysis import calls
    from regrad.analysis.interpreter import Call as Arguments

    owner = call.positional[0] if call.positional else None
    if isinstance(owner, Dataset):
        rest = Arguments(
            call.node, call.positional[1:], call.keywords, call.complete, call.nodes[1:], call.keyword_nodes
        )
        made = method(interpreter, owner, name.rpartition(".")[2], rest)
        if made is not None:
            return made
    return calls.unknown_call(interpreter, External(name), call)


PREFIXES: dict[str, Handler] = {"tf.data.Dataset.": _unbound}
FUNCTIONS: dict[str, Handler] = {
    **{f"tf.data.{kind}Dataset": _records for kind in ("TFRecord", "TextLine", "FixedLengthRecord")},
    "tf.data.Dataset.from_tensor_slices": _slices,
    "tf.data.Dataset.from_tensors": _tensors,
    "tf.data.Dataset.from_generator": _from_generator,
    "tf.data.Dataset.range": _range,
    "tf.data.Dataset.zip": _zip,
    **dict.fromkeys(
        (
            "keras.utils.image_dataset_from_directory",
            "keras.preprocessing.image_dataset_from_directory",
            "keras.utils.text_dataset_from_directory",
            "keras.preprocessing.text_dataset_from_directory",
        ),
        _directory,
    ),
    **dict.fromkeys(
        (
            "keras.utils.timeseries_dataset_from_array",
            "keras.preprocessing.timeseries_dataset_from_array",
            "keras.preprocessing.sequence.timeseries_dataset_from_array",
        ),
        _windows,
    ),
    "keras.preprocessing.image.ImageDataGenerator": _image_generator,
    "keras.legacy.preprocessing.image.ImageDataGenerator": _image_generator,
}

_SAME = frozenset(
    {
        "shuffle",
        "repeat",
        "prefetch",
        "cache",
        "take",
        "skip",
        "with_options",
        "filter",
        "shard",
        "apply",
        "as_numpy_iterator",
        "unique",
        "rebatch",
        "ignore_errors",
    }
)


def method(interpreter: Interpreter, owner: Value, name: str, call: Call) -> Value | None:
    """Methods of datasets and image generators."""
    if not isinstance(owner, Dataset):
        return None
    if owner.kind == "image-generator":
        return _of_image_generator(interpreter, owner, name, call)
    if name in _SAME:
        return Dataset(owner.kind, owner.element, owner.node)
    if name in ("batch", "padded_batch", "ragged_batch"):
        element = None if owner.element is None else batched(interpreter, owner.element, call)
        return Dataset(owner.kind, element, owner.node)
    if name in ("unbatch",):
        element = None if owner.element is None else sliced(interpreter, owner.element, call)
        return Dataset(owner.kind, element, owner.node)
    if name in ("map", "flat_map", "interleave"):
        return _mapped(interpreter, owner, name, call)
    if name == "enumerate":
        return Dataset(owner.kind, Collection("tuple", (UNKNOWN, owner.element or UNKNOWN)), owner.node)
    if name == "concatenate":
        return Dataset(owner.kind, owner.element, owner.node)
    if name in ("cardinality", "reset_states", "on_epoch_end", "reset", "save"):
        return UNKNOWN
    if name in ("get_next", "next", "__next__", "get_single_element"):
        return owner.element if owner.element is not None else interpreter.unknown("element", "", (owner,))
    if name in ("make_one_shot_iterator", "make_initializable_iterator"):
        return owner
    return interpreter.unknown("call", name, (owner,))


def _mapped(interpreter: Interpreter, owner: Dataset, name: str, call: Call) -> Value:
    from regrad.analysis.interpreter import Call as Arguments

    function = call.get("map_func", 0)
    if not isinstance(function, (Function, BoundMethod, Partial, Layer, Instance)):
        return Dataset(owner.kind, None, owner.node)
    element = owner.element
    if isinstance(element, Collection) and element.kind == "tuple" and element.complete:
        arguments = element.items
    elif element is None:
        from regrad.analysis import calls

        tapes, interpreter.tapes = interpreter.tapes, ()
        result = calls.call_unknown(interpreter, function, call.node)
        interpreter.tapes = tapes
        return Dataset(owner.kind, None if isinstance(result, Unknown) else _components(name, result), owner.node)
    else:
        arguments = (element,)
    tapes, interpreter.tapes = interpreter.tapes, ()
    result = _components(name, interpreter.call(function, Arguments(call.node, arguments)))
    interpreter.tapes = tapes
    if name != "map":
        result = result.element if isinstance(result, Dataset) and result.element is not None else UNKNOWN
    return Dataset(owner.kind, None if result is UNKNOWN else result, owner.node)


def _components(name: str, result: Value) -> Value:
    """What a mapped function returned, as the dataset keeps it: `map` takes a list for a tuple of components."""
    if name == "map" and isinstance(result, Collection) and result.kind == "list":
        return Collection("tuple", result.items, result.complete, result.node, result.grown)
    return result


def _of_image_generator(interpreter: Interpreter, owner: Dataset, name: str, call: Call) -> Value:
    if name == "fit":
        return NONE
    if name in ("flow_from_directory", "flow_from_dataframe"):
        return from_directory(interpreter, call, "categorical")
    if name == "flow":
        x, y = call.get("x", 0), call.get("y", 1)
        if isinstance(x, Collection) and x.kind == "tuple" and len(x.items) == 2:
            return Dataset("flow", x, call.node)
        if isinstance(x, Tensor):
            # It scales and turns them: of the numbers nothing is known.
            x = interpreter.operation("data", "images", call.node, (), dtype="float32", shape=x.shape)
        if y is None:
            return Dataset(
                "flow", x if x is not None and not isinstance(x, Unknown) else _images(interpreter, call), call.node
            )
        if isinstance(y, Constant) and y.value is None:
            return Dataset("flow", x or UNKNOWN, call.node)
        return Dataset("flow", Collection("tuple", (x or UNKNOWN, y)), call.node)
    return UNKNOWN


def element_of_data(interpreter: Interpreter, data: Value, call: Call) -> Value | None:
    """What `fit` gets from its first argument in one step, where that is a dataset, generator or `Sequence`; None for
    arrays.
    """
    if isinstance(data, Dataset):
        return data.element if data.element is not None else UNKNOWN
    if isinstance(data, Instance) and data.role == "data":
        found = data.cls.find("__getitem__")
        if found is not None and isinstance(found[0], Function):
            from regrad.analysis.interpreter import Call as Arguments

            return interpreter.call(
                BoundMethod(data, found[0]), Arguments(call.node, (interpreter.unknown("parameter", "index"),))
            )
        return UNKNOWN
    if iterators.is_iterator(data) and isinstance(data, Collection):
        # A generator expression, or what `map` gives.
        return joining.join_all(interpreter, data.items)
    return None
