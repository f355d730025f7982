"""The shape of what NumPy draws for each element of an array, which a size beside it overrules."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.analysis.events import Trained
from regrad.analysis.reader import read
from regrad.analysis.values import Tensor


@pytest.mark.parametrize(
    ("drawn", "wanted"),
    [
        ("rng.poisson(rates)", (8, 2)),
        ("rng.binomial(5, rates)", (8, 2)),
        ("rng.poisson(rates[0], 3)", None),
        ("rng.poisson(rates, size=(8, 2))", None),
    ],
)
def test_drawn_for_each_element(tmp_path: Path, drawn: str, wanted: tuple[int, ...] | None) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import keras\nimport numpy as np\nrng = np.random.default_rng(1)\nrates = rng.random((8, 2))\n"
        f"y = {drawn}\nmodel = keras.Sequential([keras.layers.Dense(2)])\nmodel.compile('sgd', 'mse')\n"
        "model.fit(rates, y)\n"
    )
    (event,) = read(str(program)).of(Trained)
    assert isinstance(event.y, Tensor) and event.y.shape == wanted
