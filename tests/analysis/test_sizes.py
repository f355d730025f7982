"""How many elements a list has: certain where it is written, unknown where it grew in a loop."""

from __future__ import annotations

import pytest
from regrad.analysis.events import Trained
from regrad.analysis.values import Constant, Layer

from .programs import read

GROWN = """
names = []
for row in rows:
    if row not in names:
        names.append(row)
"""
MODEL = (
    "model = keras.Sequential([keras.Input((4,)), layers.Dense({size})])\nmodel.compile('sgd', 'mse')\nmodel.fit(x, y)"
)


def units(text: str) -> object:
    event = next(read(text).of(Trained))
    (layer,) = (part for part in event.sources if isinstance(part, Layer))
    stated = layer.arguments.get("units")
    return stated.value if isinstance(stated, Constant) else None


@pytest.mark.parametrize(
    "made",
    [
        "names",
        "sorted(names)",
        "list(names)",
        "names.copy()",
        "[name for name in names]",
        "names + ['other']",
        "[*names, 'other']",
        "names[:3]",
        "list(enumerate(names))",
        "list(map(str, names))",
        "list(zip(names, names))",
        "sorted(set(names))",
    ],
)
def test_a_grown_list_has_no_size(made: str) -> None:
    assert units(f"{GROWN}made = {made}\n" + MODEL.format(size="len(made)")) is None


@pytest.mark.parametrize(
    ("made", "size"),
    [
        ("['a', 'b', 'c']", 3),
        ("sorted({'a', 'b'})", 2),
        ("{'a', 'b', 'b'}", 2),
        ("['a'] * 3 + ['b']", 4),
        ("[name for name in ('a', 'b')]", 2),
    ],
)
def test_a_written_list_has_one(made: str, size: int) -> None:
    assert units(f"made = {made}\n" + MODEL.format(size="len(made)")) == size


def test_an_array_of_a_grown_list_has_no_first_axis() -> None:
    text = "import numpy as np\nfound = []\nfor row in rows:\n    found.append(np.zeros(3))\ntable = np.array(found)\n"
    assert units(text + MODEL.format(size="table.shape[0]")) is None


@pytest.mark.parametrize(
    ("made", "size"),
    [
        ("np.array([1, 2, 3, 4, 5, 6]).reshape(-1, 2)", 3),
        ("np.array([float(v) for v in '10,13, 33,23, 59,59'.split(',')]).reshape(-1, 2)", 3),
        ("tf.reshape(np.zeros((4, 3)), (-1, 6))", 2),
        ("np.reshape(np.zeros((4, 3)), [2, -1])", 2),
        ("np.zeros((4, 3)).reshape((-1,))", 12),
        ("np.array([1, 2, 3]).reshape(-1, 2)", None),
        ("np.array([float(v) for v in open('anchors').read().split(',')]).reshape(-1, 2)", None),
        ("np.zeros((rows, 3)).reshape(-1, 3)", None),
    ],
)
def test_a_reshaped_array_has_as_many_rows_as_its_elements_give(made: str, size: int | None) -> None:
    assert units(f"made = {made}\n" + MODEL.format(size="len(made)")) == size
