"""Stands in for `tensorflow_datasets`, which downloads: the shapes and classes of the usual sets, made-up content."""

from __future__ import annotations

import importlib.util
import re
import sys
import types
from typing import Any

from .recorder import Recorder

SAMPLES = 96
IMAGES: dict[str, tuple[tuple[int, ...], int, dict[str, int]]] = {
    "mnist": ((28, 28, 1), 10, {"train": 60000, "test": 10000}),
    "fashion_mnist": ((28, 28, 1), 10, {"train": 60000, "test": 10000}),
    "kmnist": ((28, 28, 1), 10, {"train": 60000, "test": 10000}),
    "emnist": ((28, 28, 1), 62, {"train": 697932, "test": 116323}),
    "cifar10": ((32, 32, 3), 10, {"train": 50000, "test": 10000}),
    "cifar100": ((32, 32, 3), 100, {"train": 50000, "test": 10000}),
    "svhn_cropped": ((32, 32, 3), 10, {"train": 73257, "test": 26032}),
    "cats_vs_dogs": ((64, 64, 3), 2, {"train": 23262}),
    "tf_flowers": ((64, 64, 3), 5, {"train": 3670}),
    "horses_or_humans": ((64, 64, 3), 2, {"train": 1027, "test": 256}),
    "rock_paper_scissors": ((64, 64, 3), 3, {"train": 2520, "test": 372}),
    "oxford_flowers102": ((64, 64, 3), 102, {"train": 1020, "test": 6149, "validation": 1020}),
    "beans": ((64, 64, 3), 3, {"train": 1034, "test": 128, "validation": 133}),
    "stanford_dogs": ((64, 64, 3), 120, {"train": 12000, "test": 8580}),
}
"""Name -> shape, classes, samples by split. Photographs, which differ in size, are all of one small size here."""
TEXTS = {"imdb_reviews": ("text", 2), "ag_news_subset": ("description", 4), "glue": ("sentence", 2)}
TABLES = {"iris": (4, 3)}
WORDS = "the film was a good bad long short very great poor story actor scene and of".split()


class UnknownSet(Exception):
    """A data set whose form is not known here."""


def stand_in_for_catalogue(recorder: Recorder) -> None:
    texts = [recorder.program.text, *recorder.program.overrides.values()]
    if not any("tensorflow_datasets" in text for text in texts):
        return
    module: Any
    if importlib.util.find_spec("tensorflow_datasets") is None:
        module = types.ModuleType("tensorflow_datasets")
        module.__path__ = []
        module.disable_progress_bar = lambda: None
        module.as_numpy = lambda data: data.as_numpy_iterator()
        sys.modules["tensorflow_datasets"] = module
    else:
        module = importlib.import_module("tensorflow_datasets")
    module.load = loader(recorder)


def loader(recorder: Recorder) -> Any:
    def load(name: str, *, split: Any = None, as_supervised: bool = False, with_info: bool = False,
             batch_size: int | None = None, shuffle_files: bool = False, **options: Any) -> Any:  # fmt: skip
        plain = re.split(r"[/:]", name)[0]
        columns, classes, counts = content(recorder, plain)
        recorder.supplied.append(f"tensorflow_datasets {plain}: {', '.join(described(columns))}")
        data = {each: dataset(recorder, columns, as_supervised, batch_size) for each in counts}

        def of(one: Any) -> Any:
            if isinstance(one, (list, tuple)):
                return type(one)(of(each) for each in one) if isinstance(one, list) else tuple(of(each) for each in one)
            return data.get(re.split(r"[\[+]", str(one))[0], data["train"])

        result = data if split is None else of(split)
        return (result, information(plain, columns, classes, counts)) if with_info else result

    return load


def content(recorder: Recorder, name: str) -> tuple[dict[str, Any], int, dict[str, int]]:
    import numpy

    source = numpy.random.RandomState(3)
    if name in IMAGES:
        shape, classes, counts = IMAGES[name]
        labels = numpy.arange(SAMPLES, dtype="int64") * 7 % classes
        centres = source.randint(0, 128, (classes, *shape))
        pictures = (centres[labels] + source.randint(0, 128, (SAMPLES, *shape))).astype("uint8")
        return {"image": pictures, "label": labels}, classes, counts
    if name in TEXTS:
        key, classes = TEXTS[name]
        labels = numpy.arange(SAMPLES, dtype="int64") % classes
        lines = [" ".join(source.choice(WORDS, 12)) for _ in range(SAMPLES)]
        counts = {"train": 25000, "test": 25000, "unsupervised": 50000}
        return {key: numpy.array([line.encode() for line in lines]), "label": labels}, classes, counts
    if name in TABLES:
        width, classes = TABLES[name]
        labels = numpy.arange(SAMPLES, dtype="int64") % classes
        return {"features": source.randn(SAMPLES, width).astype("float32") + labels[:, None].astype("float32"),
                "label": labels}, classes, {"train": 150}  # fmt: skip
    raise UnknownSet(
        f"the data set {name!r} of tensorflow_datasets would be downloaded, and its form is not known;"
        " give your own with [tool.regrad.verify.data]"
    )


def described(columns: dict[str, Any]) -> list[str]:
    return [f"{name} {' × '.join(map(str, array.shape[1:])) or 'of'} {array.dtype}" for name, array in columns.items()]


def dataset(recorder: Recorder, columns: dict[str, Any], as_supervised: bool, batch_size: int | None) -> Any:
    whole = tuple(columns.values()) if as_supervised else columns
    made = recorder.tf.data.Dataset.from_tensor_slices(whole)
    return made.batch(batch_size) if batch_size else made


def information(name: str, columns: dict[str, Any], classes: int, counts: dict[str, int]) -> Any:
    """The part of `DatasetInfo` that training programs ask for."""
    names = [f"class {number}" for number in range(classes)]
    features = {
        key: types.SimpleNamespace(
            shape=array.shape[1:],
            dtype=array.dtype,
            num_classes=classes,
            names=names,
            int2str=lambda number: names[int(number)],
        )
        for key, array in columns.items()
    }
    splits = {split: types.SimpleNamespace(num_examples=count, name=split) for split, count in counts.items()}
    return types.SimpleNamespace(name=name, features=features, splits=splits, description=name, citation="")
