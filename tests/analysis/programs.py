"""Reading programs from text, and what tests ask of them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from regrad.analysis.events import GradientTaken, Trained
from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.sinks import Sink
from regrad.analysis.source import SourceFile, decode
from regrad.analysis.weights import describe

HEAD = (
    "import numpy as np\nimport tensorflow as tf\nfrom tensorflow import keras\nfrom tensorflow.keras import layers\n"
)


def read(text: str, *, head: str = HEAD, keras: int | None = None) -> Program:
    """The program of one file, `train.py`."""
    source = decode("train.py", (head + textwrap.dedent(text)).encode())
    return Reader(lambda path: None, keras).read_source(source)


def read_files(files: Mapping[str, str], entry: str, folder: str) -> Program:
    """A program of several files that really lie in `folder`."""
    import os

    for name, text in files.items():
        place = os.path.join(folder, name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text))
    return Reader().read(os.path.join(folder, entry))


def source_of(text: str, path: str = "train.py") -> SourceFile:
    return decode(path, text.encode())


def sink(program: Program) -> Sink:
    """The only request for gradients."""
    (found,) = program.sinks
    return found


def gradients(program: Program) -> list[GradientTaken]:
    return list(program.of(GradientTaken))


def trained(program: Program) -> Trained:
    """The only training."""
    (found,) = program.of(Trained)
    return found


def connected(found: Sink) -> list[str]:
    return [describe(value) for value in found.path.connected]


def lost(found: Sink) -> list[str]:
    return [describe(value) for value in found.path.lost]


def kinds(found: Sink) -> list[str]:
    return [cut.kind.value for cut in found.cuts]
