"""Names that Keras gives: what is certain of them whatever their number is."""

from __future__ import annotations

import ast

import pytest
from regrad.analysis import layer_names
from regrad.analysis.interpreter import Call
from regrad.analysis.values import Constant, Value

NODE = ast.Constant(None)


def _said(value: Value) -> object:
    return value.value if isinstance(value, Constant) else None


@pytest.mark.parametrize(
    ("kind", "text", "begins", "ends", "holds", "same"),
    [
        ("Dense", "dense", True, None, True, None),
        ("Dense", "dense_", None, False, None, False),
        ("Dense", "dense_1", None, None, None, None),
        ("Dense", "dens", True, False, True, False),
        ("Dense", "block1", False, False, False, False),
        ("Dense", "1", False, None, None, False),
        ("Dense", "_", False, False, None, False),
        ("Conv2D", "2d", False, None, True, False),
        ("Conv2D", "conv2", True, False, True, False),
        ("BatchNormalization", "normalization_12", False, None, None, False),
        ("ConvLSTM2D", "conv_lstm2d", None, None, None, None),
        ("InputLayer", "input", True, None, True, None),
        ("InputLayer", "input_layer", None, None, None, None),
        ("InputLayer", "block", False, False, False, False),
    ],
)
def test_certain_whatever_the_number(
    kind: str, text: str, begins: object, ends: object, holds: object, same: object
) -> None:
    name = layer_names.automatic(kind)
    assert isinstance(name, layer_names.AutomaticName)
    call = Call(NODE, (Constant(text),))
    assert _said(layer_names.method(name, "startswith", call)) is begins
    assert _said(layer_names.method(name, "endswith", call)) is ends
    assert _said(layer_names.contains(name, Constant(text), NODE)) is holds
    assert _said(layer_names.equals(name, Constant(text), NODE)) is same


def test_a_class_with_a_leading_underscore_is_not_guessed() -> None:
    assert not isinstance(layer_names.automatic("_Block"), layer_names.AutomaticName)
