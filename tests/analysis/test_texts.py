"""Methods of texts that a program keeps its settings in."""

from __future__ import annotations

import pytest
from regrad.analysis.values import Layer, Unknown

from .programs import read, trained

MODEL = """
kind = {kind}
model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation=kind)])
model.compile("adam", "mse")
model.fit(np.ones((8, 4)), np.ones((8, 3)))
"""


@pytest.mark.parametrize(
    "kind",
    [
        "'dense:relu'.partition(':')[2]",
        "'Dense Relu'.lower().split()[1]",
        "' relu '.strip()",
        "'reelu'.replace('ee', 'e')",
    ],
)
def test_what_is_known_is_computed(kind: str) -> None:
    layer = trained(read(MODEL.format(kind=kind))).heads[0].layer
    assert isinstance(layer, Layer) and getattr(layer.arguments["activation"], "value", None) == "relu"


@pytest.mark.parametrize(
    "kind", ["'relu'.unheard_of()", "'relu'.split(unknown())[0]", "'relu'.index('x')", "('r' * 2000).lower()"]
)
def test_anything_else_is_unknown(kind: str) -> None:
    layer = trained(read(MODEL.format(kind=kind))).heads[0].layer
    assert isinstance(layer, Layer) and isinstance(layer.arguments["activation"], Unknown)
