"""Functions under `functools.cache` and its like run for their first call."""

from __future__ import annotations

import pytest

from .programs import HEAD, read

PROGRAM = """
import functools
from functools import cache, cached_property, lru_cache
class Model:
    def __init__(self):
        self.scale = tf.Variable(1.0)
    {decorator}
    def gain(self):
        return tf.exp(self.scale)
model = Model()
before = model.gain{call}
with tf.GradientTape() as tape:
    loss = model.gain{call} * 2.0
gradient = tape.gradient(loss, model.scale)
"""


@pytest.mark.parametrize(
    ("decorator", "call"),
    [("@cache", "()"), ("@lru_cache(maxsize=None)", "()"), ("@functools.lru_cache", "()"), ("@cached_property", "")],
)
def test_a_later_call_computes_nothing(decorator: str, call: str) -> None:
    assert read(PROGRAM.format(decorator=decorator, call=call), head=HEAD).sinks[-1].dead


@pytest.mark.parametrize(("decorator", "call"), [("", "()"), ("@property", "")])
def test_other_functions_compute_anew(decorator: str, call: str) -> None:
    assert not read(PROGRAM.format(decorator=decorator, call=call), head=HEAD).sinks[-1].dead


def test_other_arguments_are_another_call() -> None:
    program = read(
        """
from functools import cache
scale = tf.Variable(1.0)
@cache
def gain(times):
    return scale * times
gain(2)
with tf.GradientTape() as tape:
    loss = gain(3)
gradient = tape.gradient(loss, scale)
""",
        head=HEAD,
    )
    assert not program.sinks[-1].dead
