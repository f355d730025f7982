"""Settings that a program keeps as text of its own."""

from __future__ import annotations

import pytest
from regrad.analysis.values import Layer, Unknown

from .programs import HEAD, read, trained

MODEL = """
import json, ast
settings = {settings}
model = keras.Sequential([keras.Input((4,)), layers.Dense(settings["width"][0], activation=settings["bend"])])
model.compile("adam", "mse")
model.fit(np.ones((8, 4)), np.ones((8, 3)))
"""


@pytest.mark.parametrize(
    "settings",
    [
        """json.loads('{"width": [3, 5], "bend": "relu", "rate": null}')""",
        """ast.literal_eval("{'width': (3, 5), 'bend': 'relu'}")""",
    ],
)
def test_what_the_text_says_is_known(settings: str) -> None:
    layer = trained(read(MODEL.format(settings=settings))).heads[0].layer
    assert isinstance(layer, Layer)
    assert [getattr(layer.arguments[name], "value", None) for name in ("units", "activation")] == [3, "relu"]


@pytest.mark.parametrize(
    "settings", ["json.loads('{')", "json.loads(open('settings.json').read())", "ast.literal_eval('1 +')"]
)
def test_any_other_text_is_unknown(settings: str) -> None:
    layer = trained(read(MODEL.format(settings=settings))).heads[0].layer
    assert isinstance(layer, Layer) and isinstance(layer.arguments["units"], Unknown)


def test_a_text_as_long_as_a_file_is_data() -> None:
    program = read(f"import json\nrows = json.loads('[{'1, ' * 20000}1]')\n", head=HEAD)
    assert program.events == ()
