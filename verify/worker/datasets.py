"""Stands in for `keras.datasets`: the true shapes and dtypes (scripts hard-code 60000), made-up content."""

from __future__ import annotations

import os
import sys
from typing import Any

from .recorder import Recorder

IMAGES = {
    "mnist": (60000, 10000, (28, 28), 10, False),
    "fashion_mnist": (60000, 10000, (28, 28), 10, False),
    "cifar10": (50000, 10000, (32, 32, 3), 10, True),
    "cifar100": (50000, 10000, (32, 32, 3), 100, True),
}
"""Name -> samples for training, for testing, shape, classes, whether the labels form a column."""
TEXTS = {"imdb": (25000, 25000, 88587, 2), "reuters": (8982, 2246, 30979, 46)}
TABLES = {"boston_housing": (404, 102, 13), "california_housing": (16512, 4128, 8)}
DISTINCT = 500
WORD_INDEX_SIZE = 2000


def images(name: str) -> Any:
    import numpy

    train, test, shape, classes, column = IMAGES[name]
    source = numpy.random.RandomState(3)
    labels = (numpy.arange(DISTINCT) * 7) % classes
    centres = source.randint(0, 128, (classes, *shape))
    pictures = (centres[labels] + source.randint(0, 128, (DISTINCT, *shape))).astype("uint8")

    def part(count: int) -> Any:
        y = numpy.resize(labels, count).astype("int64" if column else "uint8")
        return numpy.resize(pictures, (count, *shape)), y.reshape(-1, 1) if column else y

    return part(train), part(test)


def texts(name: str, num_words: int | None, maxlen: int | None) -> Any:
    import numpy

    train, test, vocabulary, classes = TEXTS[name]
    source = numpy.random.RandomState(3)
    top = min(int(num_words or vocabulary), vocabulary)
    labels = numpy.arange(DISTINCT) % classes
    longest = min(int(maxlen or 300), 300)
    sequences = [
        [1, *source.randint(4, max(top, 5), source.randint(5, max(longest, 6))).tolist()] for _ in range(DISTINCT)
    ]

    def part(count: int) -> Any:
        x = numpy.empty(count, dtype=object)
        for position in range(count):
            x[position] = list(sequences[position % DISTINCT])
        return x, numpy.resize(labels, count).astype("int64")

    return part(train), part(test)


def tables(name: str) -> Any:
    import numpy

    train, test, columns = TABLES[name]
    source = numpy.random.RandomState(3)
    kind = "float64" if name == "boston_housing" else "float32"

    def part(count: int) -> Any:
        x = source.uniform(0, 10, (count, columns)).astype(kind)
        return x, (x @ source.uniform(0, 1, columns)).astype(kind)

    return part(train), part(test)


def replace_datasets(recorder: Recorder, families: list[Any]) -> None:
    def loader(name: str, plain: Any) -> Any:
        def load_data(*args: Any, **options: Any) -> Any:
            if cached(name):
                try:
                    return plain(*args, **options)
                except Exception:  # a file of another version: made-up data will do
                    pass
            if name in IMAGES:
                data, shape = images(name), " × ".join(map(str, (IMAGES[name][0], *IMAGES[name][2])))
                kind = "uint8"
            elif name in TEXTS:
                words = options.get("num_words", args[1] if len(args) > 1 else None)
                data = texts(name, words, options.get("maxlen"))
                shape, kind = f"{TEXTS[name][0]} ragged", "integers"
            else:
                data = tables(name)
                shape, kind = f"{TABLES[name][0]} × {TABLES[name][2]}", "floats"
            recorder.supplied.append(f"keras.datasets.{name}: {shape} {kind}")
            return data

        return load_data

    def get_word_index(*_: Any, **__: Any) -> dict[str, int]:
        return {f"word{rank}": rank for rank in range(1, WORD_INDEX_SIZE)}

    for module in dataset_modules(families):
        name = module.__name__.rpartition(".")[2]
        if name in IMAGES or name in TEXTS or name in TABLES:
            module.load_data = loader(name, module.load_data)
            if name in TEXTS:
                module.get_word_index = get_word_index


def cached(name: str) -> bool:
    folder = os.path.join(os.environ.get("KERAS_HOME", ""), "datasets")
    return any(os.path.exists(os.path.join(folder, name + end)) for end in (".npz", ".tar.gz"))


def dataset_modules(families: list[Any]) -> list[Any]:
    """Every module object under which a version of Keras offers a data set."""
    import importlib

    found: dict[int, Any] = {}
    roots = ["keras.datasets", "keras.src.datasets", "keras._tf_keras.keras.datasets", "keras.api.datasets",
             "keras.api._v2.keras.datasets", "keras.api._v1.keras.datasets"]  # fmt: skip
    if "tf_keras" in sys.modules:
        roots += ["tf_keras.datasets", "tf_keras.src.datasets"]
    for root in roots:
        try:
            importlib.import_module(root)
        except Exception:
            continue
        for name in (*IMAGES, *TEXTS, *TABLES):
            try:
                module = importlib.import_module(f"{root}.{name}")
            except Exception:
                continue
            if hasattr(module, "load_data"):
                found[id(module)] = module
    for family in families:
        for name in (*IMAGES, *TEXTS, *TABLES):
            offered: Any = getattr(getattr(family, "datasets", None), name, None)
            if offered is not None and hasattr(offered, "load_data"):
                found[id(offered)] = offered
    return list(found.values())
