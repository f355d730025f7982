"""The shape of arrays that NumPy puts together: what is known of it, and what is left open."""

from __future__ import annotations

import pytest
from regrad.analysis.events import GradientTaken
from regrad.analysis.operators import shape_of
from regrad.analysis.values import Tensor

from .programs import read

MADE = """
import numpy as np
row, table = np.random.normal(0, 1, 8), np.random.normal(0, 1, (8, 3))
open_ended = []
for part in parts:
    open_ended.append(row)
joined = {call}
weight = tf.Variable(1.0)
with tf.GradientTape() as tape:
    loss = weight * joined
tape.gradient(loss, weight)
"""


def shape(call: str) -> object:
    event = next(read(MADE.format(call=call)).of(GradientTaken))
    assert isinstance(event.target, Tensor)
    return shape_of(event.target.operation.inputs[1])


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("np.stack([row, row])", (2, 8)),
        ("np.stack([row, row, row], axis=1)", (8, 3)),
        ("np.stack((row, row), -1)", (8, 2)),
        ("np.stack([table, table], axis=-2)", (8, 2, 3)),
        ("np.column_stack([row, table])", (8, 4)),
        ("np.vstack([row, row])", (2, 8)),
        ("np.vstack([table, table])", (16, 3)),
        ("np.hstack([row, row])", (16,)),
        ("np.hstack([table, table])", (8, 6)),
        ("np.concatenate([table, table], axis=1)", (8, 6)),
        ("np.concatenate([row, row])", (16,)),
    ],
)
def test_known(call: str, expected: tuple[int, ...]) -> None:
    assert shape(call) == expected


@pytest.mark.parametrize(
    "call",
    [
        "np.stack(open_ended)",
        "np.stack([row, other])",
        "np.stack([row, table])",
        "np.stack([row, row], axis=place)",
        "np.stack([row, row], axis=2)",
        "np.concatenate([row, row], axis=1)",
        "np.concatenate([table, table], axis=None)",
    ],
)
def test_open(call: str) -> None:
    assert shape(call) is None
