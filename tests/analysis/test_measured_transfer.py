"""The reader says of the public functions of TensorFlow and Keras what a run says: whether a gradient passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from .measure_transfer import MODULES, VARIABLES
from .programs import connected, read, sink

PROGRAM = """
from tensorflow.keras import backend as K
x = {variable}
with tf.GradientTape() as tape:
    loss = {expression}
gradient = tape.gradient(loss, [x])
"""
BY_CHANCE = frozenset(
    "keras.losses.circle keras.ops.slogdet keras.ops.solve tf.linalg.cross tf.linalg.slogdet tf.linalg.solve"
    " tf.nn.avg_pool3d tf.tensordot".split()
)
"""None or zero for these very arguments: they do let gradients through."""
OF_REAL_NUMBERS = frozenset({"angle", "imag"})
"""Constants of a real number, and only of a real one."""


def _measured() -> list[tuple[str, str, str]]:
    lines = Path(__file__).with_name("measured_transfer.tsv").read_text(encoding="utf-8").splitlines()
    return [(expression, variable, outcome) for expression, variable, outcome in (line.split("\t") for line in lines)]


def _is_read_as(expression: str, variable: str) -> bool:
    made = VARIABLES[variable][:-1] + ', name="x")'
    return connected(sink(read(PROGRAM.format(variable=made, expression=expression)))) == ["x"]


@pytest.mark.parametrize("module", MODULES)
def test_what_a_run_shows_is_what_is_read(module: str) -> None:
    wrong: list[str] = []
    for expression, variable, outcome in _measured():
        function = expression.partition("(")[0]
        space, _, name = function.rpartition(".")
        if space != module or function in BY_CHANCE or name in OF_REAL_NUMBERS:
            continue
        if _is_read_as(expression, variable) != (outcome == "flows"):
            wrong.append(f"{expression}: {outcome}")
    assert wrong == []


def test_most_functions_were_called() -> None:
    assert len({expression.partition("(")[0] for expression, _, _ in _measured()}) > 800
