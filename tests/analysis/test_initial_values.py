"""What the initializers of Keras give when a program calls them with a shape, and what `dict` makes of pairs."""

from __future__ import annotations

import pytest
from regrad.analysis.events import Applied
from regrad.analysis.values import Collection, Gradients, Tensor, Variable

from .programs import HEAD, read

PROGRAM = """
w = tf.Variable({initial})
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(w ** 2)
slopes = {slopes}
keras.optimizers.SGD().apply_gradients([(slopes[name], w)])
"""
FIRST = "dict(zip(['w'], [tape.gradient(loss, w)]))"


def _applied(initial: str, slopes: str = FIRST) -> Applied:
    (event,) = read(PROGRAM.format(initial=initial, slopes=slopes), head=HEAD).of(Applied)
    return event


@pytest.mark.parametrize(
    "initial, operation",
    [
        ("keras.initializers.GlorotNormal(seed=1)((2, 3))", "random"),
        ("keras.initializers.HeUniform()(shape=(2, 3))", "random"),
        ("tf.keras.initializers.he_uniform()([2, 3])", "random"),
        ("keras.initializers.Zeros()((2, 3))", "constant"),
    ],
)
def test_an_initializer_gives_a_tensor_of_the_shape(initial: str, operation: str) -> None:
    pairs = _applied(initial).pairs
    assert isinstance(pairs, Collection)
    variable = pairs.items[0].items[1]  # type: ignore[attr-defined]
    assert isinstance(variable, Variable) and isinstance(variable.initial, Tensor)
    assert (variable.initial.operation.kind, variable.initial.shape) == (operation, (2, 3))


@pytest.mark.parametrize("slopes", [FIRST, "dict([(open_ended, tape.gradient(loss, w))])"])
def test_a_dictionary_of_pairs_holds_their_values(slopes: str) -> None:
    pairs = _applied("1.0", slopes).pairs
    assert isinstance(pairs, Collection)
    assert isinstance(pairs.items[0].items[0], Gradients)  # type: ignore[attr-defined]
