"""Endings: what one loss is parted from, and what another request may train."""

from __future__ import annotations

from regrad.analysis.cut import CutKind
from regrad.analysis.endings import endings

from .programs import read

HEAD = "import tensorflow.compat.v1 as tf\nfrom tensorflow.keras.layers import Concatenate, Dense\n"
ACTOR_AND_CRITIC = """
before = len(tf.trainable_variables())
state = tf.placeholder(tf.float32, (None, 3))
action = Dense(1, activation="tanh")(state)
theta = tf.trainable_variables()[before:]
chosen = tf.placeholder_with_default(tf.stop_gradient(action), shape=(None, 1))
value = Dense(1)(Concatenate()([state, chosen]))
slope = tf.gradients(value, chosen)[0]
{improve}
loss = tf.losses.mean_squared_error(tf.placeholder(tf.float32, (None, 1)), value)
learn = tf.train.AdamOptimizer(1e-3).minimize(loss)
"""


def kinds(improve: str) -> list[CutKind]:
    return [each.kind for each in endings(read(ACTOR_AND_CRITIC.format(improve=improve), head=HEAD))]


def test_what_no_other_request_trains_is_lost() -> None:
    assert kinds("") == [CutKind.STOPPED]


def test_a_request_for_variables_that_are_not_known_may_train_all_that_it_reaches() -> None:
    assert kinds("improve = tf.gradients(action, theta, -slope)") == []
