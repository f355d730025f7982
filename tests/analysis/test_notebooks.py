"""Notebooks are one program in the order of their cells."""

from __future__ import annotations

import json

from regrad.analysis.program import Program
from regrad.analysis.reader import Reader
from regrad.analysis.source import decode

from .programs import kinds


def read(*cells: str) -> Program:
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": cell}
            for cell in cells
        ],
    }
    return Reader(lambda path: None).read_source(decode("lesson.ipynb", json.dumps(document).encode()))


def test_names_are_bound_from_cell_to_cell() -> None:
    program = read(
        "%matplotlib inline\n!pip install tensorflow\nimport tensorflow as tf",
        "w = tf.Variable(1.0)\nloss = w * 2",
        "with tf.GradientTape() as tape:\n    loss = w * 3",
        "tape.gradient(loss, [w])",
        "%%bash\nls",
        "with tf.GradientTape() as tape:\n    pass\nlater = w * 2\ntape.gradient(later, [w])",
    )
    first, second = program.sinks
    assert not first.path.lost
    assert kinds(second) == ["after-tape"]
    assert program.files["lesson.ipynb"].cell_at(second.event.node.lineno)[0] == 5  # type: ignore[index,attr-defined]


def test_a_name_that_is_bound_anew_is_another_thing() -> None:
    program = read(
        "import keras\nmodel = keras.Sequential([keras.layers.Dense(1)])\nmodel.trainable = False",
        "model = keras.Sequential([keras.layers.Dense(1)])\nmodel.compile('sgd', 'mse')\nmodel.fit(x, y)",
    )
    (found,) = program.sinks
    assert not found.path.lost and len(found.path.connected) == 1
