"""A program that raised before it asked for a gradient: what it had computed with is known, and has to train later."""

from __future__ import annotations

import pytest
from regrad.verify import Gradient, Outcome, Verdict

from .conftest import Compare

pytestmark = pytest.mark.tensorflow

BROKEN = """
import tensorflow as tf
spare = tf.Variable([3.0, 4.0], name="spare")
preferences = tf.Variable([0.1, 0.2, 0.3], name="preferences")
optimizer = tf.keras.optimizers.SGD(0.1)
for _ in range(3):
    loss = -tf.nn.log_softmax(preferences)[1]
    optimizer.no_such_method(lambda: loss, [preferences])
"""
MENDED = BROKEN.replace("    loss =", "    with tf.GradientTape() as tape:\n        loss =").replace(
    "no_such_method(lambda: loss, [preferences])",
    "apply_gradients(zip(tape.gradient(loss, [preferences]), [preferences]))",
)
DECOY = MENDED.replace("[1]\n", "[1]\n        other = tf.reduce_sum(spare ** 2)\n").replace(
    "tape.gradient(loss, [preferences]), [preferences]", "tape.gradient(other, [spare]), [spare]"
)


def test_what_it_had_computed_with_is_reported_as_not_asked_for(compare: Compare) -> None:
    evidence = compare(BROKEN, MENDED)
    assert evidence.before.outcome is Outcome.RAISED and evidence.verdict is Verdict.MENDED
    assert [(v.name, v.gradient) for v in evidence.before.variables] == [("preferences", Gradient.NOT_ASKED)]


def test_to_train_something_else_is_no_mending(compare: Compare) -> None:
    evidence = compare(BROKEN, DECOY)
    assert evidence.verdict is Verdict.UNCHANGED
    assert evidence.reason == "Still, preferences receives nothing: what trains now is something else."
