"""Stands in for data files and picture folders that are not there: their form is what the program's text asks for."""

from __future__ import annotations

import ast
import functools
import importlib
import os
import sys
from typing import Any

from .recorder import Recorder
from .supply import Made, check_fit, described, guess
from .undefined import Hints, is_target

ROWS = 64
SUBSCRIPTED = {"pop", "drop", "set_index", "groupby", "get"}


class Wanted:
    """What the program's text says about its data, read once and only if a file is missing."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    @functools.cached_property
    def tree(self) -> ast.AST:
        tree: ast.AST = ast.parse(self.recorder.program.text)
        return tree

    @functools.cached_property
    def hints(self) -> Hints:
        return Hints(self.tree)

    @property
    def classes(self) -> int:
        return max(2, self.hints.classes or self.hints.units or 2)

    def columns(self) -> list[str]:
        """Every literal name by which the program takes something out of a table, in the order of the text."""
        found: dict[str, None] = {}
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, (ast.Subscript, ast.Call))]
        written = {
            id(node) for node in nodes if isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del))
        }
        for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
            if isinstance(node, ast.Subscript) and id(node) not in written and taken_from_table(node.value):
                found.update(dict.fromkeys(literals(node.slice)))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SUBSCRIPTED:
                parts = [*node.args[:1], *(k.value for k in node.keywords if k.arg in ("columns", "labels"))]
                found.update(dict.fromkeys(name for part in parts for name in literals(part)))
        return list(found)

    def width(self) -> int:
        """Columns of a table without names: the inputs and one target."""
        shape = self.hints.input_shape or (10,)
        return int(shape[0] if len(shape) == 1 else 10) + 1

    def target(self) -> Any:
        import numpy

        if "crossentropy" in self.hints.loss or self.hints.activation in ("sigmoid", "softmax"):
            classes = 2 if (self.hints.units or 1) == 1 else self.classes
            return numpy.arange(ROWS) % classes
        return numpy.random.RandomState(5).randn(ROWS)


def taken_from_table(value: ast.expr) -> bool:
    """Not `history.history["loss"]`, not `os.environ["X"]`."""
    return not (isinstance(value, ast.Attribute) and value.attr in ("history", "environ", "params"))


def literals(node: ast.AST) -> list[str]:
    if isinstance(node, (ast.List, ast.Tuple)):
        return [name for part in node.elts for name in literals(part)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def missing(path: Any) -> bool:
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    return isinstance(text, str) and "://" not in text and not os.path.exists(text)


def replace_files(recorder: Recorder, families: list[Any]) -> None:
    wanted = Wanted(recorder)
    replace_arrays(recorder, wanted)
    replace_folders(recorder, wanted, families)
    if "pandas" in recorder.program.text or any("pandas" in text for text in recorder.program.overrides.values()):
        replace_tables(recorder, wanted)


def replace_tables(recorder: Recorder, wanted: Wanted) -> None:
    import numpy

    try:
        pandas: Any = importlib.import_module("pandas")
    except ImportError:
        return
    plain = pandas.read_csv

    @functools.wraps(plain)
    def read_csv(source: Any = None, *args: Any, **options: Any) -> Any:
        if not missing(source):
            return plain(source, *args, **options)
        names = list(options.get("names") or wanted.columns())
        if not names:
            names = [f"column{position}" for position in range(wanted.width())]
        random = numpy.random.RandomState(3)
        marked = [name for name in names if is_target(str(name)) or str(name).lower() in ("class", "species", "mpg")]
        target = marked[0] if marked else names[-1]
        values = {name: wanted.target() if name == target else random.randn(ROWS) for name in names}
        note = f"{os.path.basename(os.fspath(source))}: {ROWS} rows of {', '.join(map(str, names[:8]))}"
        recorder.supplied.append(note + (" …" if len(names) > 8 else ""))
        return pandas.DataFrame(values)

    pandas.read_csv = read_csv


class Archive(dict):  # type: ignore[type-arg]
    """An `.npz` file: what is asked for is made."""

    def __init__(self, wanted: Wanted) -> None:
        super().__init__()
        self.wanted = wanted

    def __missing__(self, key: str) -> Any:
        self[key] = made(self.wanted, key)
        return self[key]

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


def made(wanted: Wanted, name: str) -> Any:
    """As for a name that is never defined: `fit` finds out where the guess was wrong, and the run starts again."""
    recorder = wanted.recorder
    spec = recorder.given.get(name) or guess(name, wanted.hints, recorder.given)
    recorder.hypothesis[name] = spec
    recorder.prepare_fit = lambda model, arguments: check_fit(recorder, model, arguments)  # type: ignore[method-assign]
    recorder.supplied.append(f"{name}: {described(spec)}")
    return Made.render(name, spec)


def replace_arrays(recorder: Recorder, wanted: Wanted) -> None:
    import numpy

    plain_load = numpy.load

    @functools.wraps(plain_load)
    def load(file: Any, *args: Any, **options: Any) -> Any:
        if not missing(file):
            return plain_load(file, *args, **options)
        stem, ending = os.path.splitext(os.path.basename(os.fspath(file)))
        return Archive(wanted) if ending == ".npz" else made(wanted, stem)

    numpy.load = load

    def reader(plain: Any) -> Any:
        @functools.wraps(plain)
        def read(file: Any, *args: Any, **options: Any) -> Any:
            if not missing(file):
                return plain(file, *args, **options)
            width = wanted.width()
            table = numpy.random.RandomState(3).randn(ROWS, width)
            table[:, -1] = wanted.target()
            recorder.supplied.append(f"{os.path.basename(os.fspath(file))}: {ROWS} × {width} numbers, the target last")
            return table

        return read

    numpy.loadtxt = reader(numpy.loadtxt)
    numpy.genfromtxt = reader(numpy.genfromtxt)


def pictures(wanted: Wanted, size: Any, channels: int, mode: str | None) -> tuple[Any, Any]:
    import numpy

    random = numpy.random.RandomState(3)
    labels = numpy.arange(ROWS) % wanted.classes
    images = (random.rand(ROWS, *size, channels) * 127 + 128 * labels[:, None, None, None] / wanted.classes).astype(
        "f4"
    )
    if mode == "categorical":
        return images, numpy.eye(wanted.classes, dtype="float32")[labels]
    if mode == "binary":
        return images, (labels % 2).astype("float32")
    return images, labels.astype("int32")


def replace_folders(recorder: Recorder, wanted: Wanted, families: list[Any]) -> None:
    from .models import replace_method

    for family in families:
        for holder in (getattr(family, "utils", None), getattr(family, "preprocessing", None)):
            plain = getattr(holder, "image_dataset_from_directory", None)
            if plain is not None and not hasattr(plain, "regrad_plain"):
                vars(holder)["image_dataset_from_directory"] = dataset_maker(recorder, wanted, plain)
        module = sys.modules.get(f"{family.__name__}.preprocessing.image")
        image = getattr(getattr(family, "preprocessing", None), "image", module)
        generator = getattr(image, "ImageDataGenerator", None)
        if isinstance(generator, type):
            replace_method(generator, "flow_from_directory", functools.partial(flow_maker, recorder, wanted))


def dataset_maker(recorder: Recorder, wanted: Wanted, plain: Any) -> Any:
    @functools.wraps(plain)
    def image_dataset_from_directory(directory: Any, *args: Any, **options: Any) -> Any:
        if not missing(directory):
            return plain(directory, *args, **options)
        size = tuple(options.get("image_size") or (256, 256))
        channels = {"grayscale": 1, "rgba": 4}.get(options.get("color_mode", "rgb"), 3)
        mode = options.get("label_mode", args[1] if len(args) > 1 else "int")
        if options.get("labels", args[0] if args else "inferred") is None:
            mode = None
        images, labels = pictures(wanted, size, channels, mode)
        labels = labels.reshape(-1, 1) if mode == "binary" else labels
        data = recorder.tf.data.Dataset.from_tensor_slices(images if mode is None else (images, labels))
        batch = options.get("batch_size", 32)
        data = data.batch(batch) if batch else data
        data.class_names = list(options.get("class_names") or (f"class{number}" for number in range(wanted.classes)))
        recorder.supplied.append(f"{directory}: {ROWS} pictures of {wanted.classes} classes, {size[0]} × {size[1]}")
        return data

    image_dataset_from_directory.regrad_plain = plain  # type: ignore[attr-defined]
    return image_dataset_from_directory


def flow_maker(recorder: Recorder, wanted: Wanted, plain: Any) -> Any:
    def flow_from_directory(self: Any, directory: Any, *args: Any, **options: Any) -> Any:
        if not missing(directory):
            return plain(self, directory, *args, **options)
        size = tuple(options.get("target_size", args[0] if args else (256, 256)))
        channels = 1 if options.get("color_mode") == "grayscale" else 3
        mode = options.get("class_mode", "categorical")
        images, labels = pictures(wanted, size, channels, mode)
        targets = None if mode is None else images if mode == "input" else labels
        batch = options.get("batch_size", 32)
        flow = self.flow(images, targets, batch_size=batch, shuffle=options.get("shuffle", True))
        flow.class_indices = {f"class{number}": number for number in range(wanted.classes)}
        flow.classes = [number % wanted.classes for number in range(ROWS)]
        flow.samples, flow.num_classes = ROWS, wanted.classes
        recorder.supplied.append(f"{directory}: {ROWS} pictures of {wanted.classes} classes, {size[0]} × {size[1]}")
        return flow

    return flow_from_directory
