"""Lists that are put together: of weights above all, so that what a training asks for stays known."""

from __future__ import annotations

import pytest

from .programs import HEAD, read

PROGRAM = """
import functools, itertools, operator
one = keras.Sequential([keras.Input((3,)), layers.Dense(4)])
other = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
optimizer = keras.optimizers.Adam()
for step in range(3):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(other(one(np.ones((2, 3)))) ** 2)
    weights = {weights}
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
"""
WHOLE = (
    "[*one.trainable_variables, *other.trainable_variables]",
    "[weight for part in (one, other) for weight in part.trainable_variables]",
    "list(itertools.chain(one.trainable_variables, other.trainable_variables))",
    "list(itertools.chain.from_iterable(part.trainable_variables for part in (one, other)))",
    "sum([part.trainable_variables for part in (one, other)], [])",
    "functools.reduce(operator.add, [part.trainable_variables for part in (one, other)])",
    "functools.reduce(lambda a, b: a + b, [part.trainable_variables for part in (one, other)], [])",
    "tf.nest.flatten({'b': other.trainable_variables, 'a': [one.trainable_variables]})",
)


@pytest.mark.parametrize("weights", WHOLE)
def test_all_weights_are_known(weights: str) -> None:
    path = read(PROGRAM.format(weights=weights), head=HEAD).sinks[-1].path
    assert (len(path.connected), path.lost, path.complete, path.anything) == (2, (), True, False)


@pytest.mark.parametrize(
    "weights",
    [
        "list(itertools.chain(one.trainable_variables, unknown()))",
        "sum([part.trainable_variables for part in unknown()], [])",
        "[weight for part in (one, other) for weight in part.trainable_variables if unknown(weight)]",
        "functools.reduce(unknown, [one.trainable_variables])",
        "tf.nest.flatten(unknown())",
    ],
)
def test_what_is_not_known_is_not_taken_for_all(weights: str) -> None:
    assert not any(sink.dead for sink in read(PROGRAM.format(weights=weights), head=HEAD).sinks)


def test_a_tensor_beside_a_list_has_as_many_rows() -> None:
    program = read(
        """
held = [tf.Variable(1.0) for _ in range(3)]
angles = tf.Variable([0.1, 0.2, 0.3])
with tf.GradientTape() as tape:
    total = 0.0
    for each, angle in zip(held, tf.unstack(angles)):
        total += each * angle
gradients = tape.gradient(total, held)
""",
        head=HEAD,
    )
    assert len(program.sinks[-1].path.connected) == 3
