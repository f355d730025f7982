"""Namespaces made of keywords: what they hold is known, until their attributes are set by names that are not."""

from __future__ import annotations

import pytest
from regrad.analysis.values import Constant, Unknown

from .programs import read

_HEAD = "import tensorflow as tf\nfrom types import SimpleNamespace\nimport argparse, sys, json\n"


def _rate(text: str) -> object:
    program = read(
        text + "\nwith tf.GradientTape() as tape:\n    y = 1.0\nfound = tape.gradient(rate, y)\n", head=_HEAD
    )
    return program.sinks[0].target


@pytest.mark.parametrize(
    "text",
    [
        "c = SimpleNamespace(rate=0.1, units=3)\nrate = c.rate",
        "c = argparse.Namespace(rate=0.1)\nrate = c.rate",
        "c = SimpleNamespace(rate=0.2)\nc.rate = 0.1\nrate = c.rate",
        "c = SimpleNamespace(units=0.2)\nsetattr(c, 'rate', 0.1)\nrate = getattr(c, 'rate', 0.3)",
        "c = SimpleNamespace(**{'rate': 0.1})\nrate = c.rate",
        "inner = SimpleNamespace(rate=0.1)\nc = SimpleNamespace(inner=inner)\nrate = c.inner.rate",
    ],
)
def test_what_was_given_is_known(text: str) -> None:
    value = _rate(text)
    assert isinstance(value, Constant) and value.value == 0.1


@pytest.mark.parametrize(
    "text",
    [
        "c = SimpleNamespace(**json.load(sys.stdin))\nrate = c.rate",
        "c = SimpleNamespace(rate=0.1)\nfor k, v in json.load(sys.stdin).items():\n    setattr(c, k, v)\nrate = c.rate",
        "c = SimpleNamespace(rate=0.1)\nvars(c).update(json.load(sys.stdin))\nrate = c.rate",
        "c = SimpleNamespace(rate=0.1)\nc.__dict__.update(json.load(sys.stdin))\nrate = c.rate",
        "c = SimpleNamespace(units=0.1)\nrate = c.rate",
        "c = SimpleNamespace(units=0.1)\nrate = getattr(c, 'rate', 0.3)",
    ],
)
def test_what_may_have_come_is_not(text: str) -> None:
    assert isinstance(_rate(text), Unknown)
