"""`where` of each library, with its operands by position and by name."""

from __future__ import annotations

import pytest
from regrad.analysis.choices import choice
from regrad.analysis.values import Constant, Tensor

from .programs import read


@pytest.mark.parametrize(
    "written",
    [
        "tf.where(x > 0.0, 1.0, 2.0)",
        "tf.where(x > 0.0, y=2.0, x=1.0)",
        "tf.where(condition=x > 0.0, x=1.0, y=2.0)",
        "keras.ops.where(x > 0.0, 1.0, 2.0)",
        "keras.ops.where(x > 0.0, x2=2.0, x1=1.0)",
    ],
)
def test_its_operands(written: str) -> None:
    program = read(
        f"""
        x = tf.Variable([1.0, 2.0])
        with tf.GradientTape() as tape:
            chosen = x * {written}
        tape.gradient(chosen, x)
        """
    )
    (sink,) = program.sinks
    assert isinstance(sink.target, Tensor)
    where = next(part for part in sink.target.operation.inputs if isinstance(part, Tensor))
    given = choice(where.operation)
    assert isinstance(given.condition, Tensor)
    numbers = [each.value for each in (given.chosen, given.other) if isinstance(each, Constant)]
    assert numbers == [1.0, 2.0]
