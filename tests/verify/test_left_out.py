"""Fresh weights that nothing trains: told where a weight must have been meant, not of critics, teachers and data."""

from __future__ import annotations

import pytest
from regrad.verify import Symptom, Verdict
from regrad.verify.faults import sound

from . import programs
from .conftest import Compare, Step

pytestmark = pytest.mark.tensorflow

MATRICES = """
import tensorflow as tf
w, v = tf.Variable(tf.random.normal((3, 4), seed=1)), tf.Variable(tf.random.normal((4, 2), seed=2))
side = tf.Variable(tf.random.normal((3, 2), seed=3))
x, y = tf.random.normal((8, 3), seed=4), tf.random.normal((8, 2), seed=5)
optimizer = tf.keras.optimizers.SGD(0.1)
for _ in range(9):
    with tf.GradientTape() as tape:
        {loss}
    gradients = tape.gradient(loss, [{variables}])
    optimizer.apply_gradients(zip(gradients, [{variables}]))
"""


def test_fresh_weights_on_the_way_that_are_in_no_list_are_noticed(compare: Compare) -> None:
    evidence = compare(
        programs.PARTS.format(prepared="", variables="head.trainable_variables"),
        programs.PARTS.format(prepared="", variables="encoder.trainable_variables + head.trainable_variables"),
    )
    assert evidence.before.symptoms == (Symptom.LEFT_OUT,) and evidence.verdict is Verdict.MENDED


@pytest.mark.parametrize(
    "prepared",
    ["encoder.trainable = False", "encoder.set_weights([w * 2 for w in encoder.get_weights()])"],
)
def test_weights_that_are_frozen_or_were_set_are_left_out_on_purpose(step: Step, prepared: str) -> None:
    assert sound(step(programs.PARTS.format(prepared=prepared, variables="head.trainable_variables")))


def test_layers_that_a_plain_object_holds_are_noticed_as_nobody_tracks_them(step: Step) -> None:
    text = """
import tensorflow as tf
class Box: pass
class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.box = Box()
        self.box.inner = tf.keras.layers.Dense(8, activation="relu")
        self.head = tf.keras.layers.Dense(1)
    def call(self, x):
        return self.head(self.box.inner(x))
net = Net()
net.compile("adam", "mse")
net.fit(tf.random.normal((32, 4)), tf.random.normal((32, 1)), verbose=0)
"""
    assert step(text).symptoms == (Symptom.LEFT_OUT,)
    assert sound(step(text.replace("self.box.inner", "self.inner")))


def test_a_critic_that_a_step_only_asks_is_not_left_out(step: Step) -> None:
    """It works on what the trained network has made; its own training is another matter."""
    text = """
import tensorflow as tf
actor = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2, activation="tanh")], name="actor")
critic = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(1)], name="critic")
optimizer = tf.keras.optimizers.Adam()
state = tf.random.normal((8, 3), seed=1)
for _ in range(9):
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(critic(actor(state)))
    weights = actor.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
"""
    assert sound(step(text))
    assert step(text.replace("weights = actor", "weights = critic")).symptoms == (Symptom.LEFT_OUT,)


@pytest.mark.parametrize(
    ("loss", "variables"),
    [
        ("loss = tf.reduce_mean((tf.nn.relu(x @ w) @ v - y) ** 2)", "v"),
        ("loss = tf.reduce_mean((tf.nn.relu(x @ tf.nn.l2_normalize(w, 0)) @ v - y) ** 2)", "v"),
        ("loss = tf.reduce_mean((tf.nn.relu(x @ w) @ v + x @ side - y) ** 2)", "w, v"),
        ("loss = tf.reduce_mean((tf.concat([tf.nn.relu(x @ w), x @ side], 1) - 1.0) ** 2)", "w"),
        ("loss = tf.reduce_mean(((x[:, None] + w[None, :1, :3]) @ side - y[:, None]) ** 2)", "side"),
    ],
    ids=["before", "normalised", "beside", "joined", "added-to-every-sample"],
)
def test_a_matrix_that_data_goes_through_is_noticed(step: Step, loss: str, variables: str) -> None:
    assert step(MATRICES.format(loss=loss, variables=variables)).symptoms == (Symptom.LEFT_OUT,)


@pytest.mark.parametrize(
    "loss",
    [
        "loss = tf.reduce_mean((x @ w @ v - x @ side) ** 2)",
        "loss = tf.keras.losses.MeanSquaredError()(x @ side, x @ w @ v)",
        "loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(x @ side), x @ w @ v))",
        "loss = -tf.reduce_mean(tf.nn.softmax(x @ side) * tf.nn.log_softmax(x @ w @ v))",
        "loss = tf.reduce_mean((x @ w @ v - y) ** 2) + tf.reduce_mean((x @ side - y) ** 2)",
        "loss = tf.reduce_mean((x @ w @ v - y) ** 2) + 0.01 * tf.nn.l2_loss(side)",
    ],
    ids=["differences", "targets", "soft-labels", "by-hand", "another-loss", "penalty"],
)
def test_a_network_that_gives_targets_or_has_a_loss_of_its_own_is_not_left_out(step: Step, loss: str) -> None:
    assert sound(step(MATRICES.format(loss=loss, variables="w, v")))


@pytest.mark.parametrize(
    "loss",
    [
        "loss = tf.reduce_mean((tf.nn.relu(points @ w) @ v - y) ** 2)",
        "loss = tf.reduce_mean((tf.nn.relu((points + tf.random.normal((8, 3))) @ w) @ v - y) ** 2)",
        "loss = tf.reduce_mean((tf.nn.relu(tf.gather(points, [2, 3, 5]) @ w) @ v - y[:3]) ** 2)",
        "loss = tf.reduce_mean((tf.nn.relu(points[:4] @ w) @ v - y[:4]) ** 2)",
        "loss = tf.reduce_mean((tf.nn.relu(x @ w) @ v - points[:, :2]) ** 2)",
    ],
    ids=["inputs", "with-noise", "batches", "slices", "labels"],
)
def test_data_that_a_program_keeps_in_variables_is_not_left_out(step: Step, loss: str) -> None:
    text = MATRICES.format(loss=loss, variables="w, v")
    kept = text.replace("optimizer =", "points = tf.Variable(tf.random.normal((8, 3), seed=6))\noptimizer =")
    assert sound(step(kept))


def test_a_table_beside_one_that_is_trained_is_noticed(step: Step) -> None:
    text = """
import tensorflow as tf
users, items = tf.Variable(tf.random.normal((5, 3), seed=1)), tf.Variable(tf.random.normal((7, 3), seed=2))
chosen, liked = tf.constant([0, 1, 2, 3]), tf.constant([6, 4, 2, 0])
optimizer = tf.keras.optimizers.SGD(0.1)
for _ in range(9):
    with tf.GradientTape() as tape:
        pair = tf.concat([tf.gather(users, chosen), tf.gather(items, liked)], axis=1)
        loss = tf.reduce_mean((tf.reduce_sum(pair, axis=1) - 1.0) ** 2)
    optimizer.apply_gradients([(tape.gradient(loss, users), users)])
"""
    assert step(text).symptoms == (Symptom.LEFT_OUT,)


def test_a_network_that_an_image_is_fitted_to_is_not_left_out(step: Step) -> None:
    text = """
import tensorflow as tf
look = tf.keras.Sequential([tf.keras.Input((6, 6, 3)), tf.keras.layers.Conv2D(3, 3), tf.keras.layers.Dense(2)])
wanted = look(tf.random.uniform((1, 6, 6, 3), seed=1))
image = tf.Variable(tf.random.uniform((1, 6, 6, 3), seed=2))
optimizer = tf.keras.optimizers.Adam(0.1)
for _ in range(9):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(look(image) - wanted))
    optimizer.apply_gradients([(tape.gradient(loss, image), image)])
"""
    assert sound(step(text))


SNAKE = """
import keras
import numpy as np
import tensorflow as tf
class Snake(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.frequency = tf.Variable(tf.ones([4]), trainable={trainable}, name="frequency")
    def call(self, x):
        return x + tf.square(tf.sin(self.frequency * x))
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(4), Snake(), keras.layers.Dense(1)])
model.compile("adam", "mse")
x = np.linspace(-3, 3, 32).astype("float32")[:, None]
model.fit(x, np.sin(x), epochs=1, verbose=0)
"""


def test_a_vector_that_a_layer_holds_and_does_not_own_is_noticed(compare: Compare) -> None:
    text = SNAKE.format(trainable=True)
    owned = text.replace("tf.Variable(tf.ones([4]), trainable=True", 'self.add_weight(shape=(4,), initializer="ones"')
    evidence = compare(text, owned)
    assert evidence.before.symptoms == (Symptom.LEFT_OUT,) and evidence.verdict is Verdict.MENDED, evidence.reason
    told = {text.splitlines()[place.line - 1].strip() for place in evidence.before.places}
    assert any(line.startswith("self.frequency = ") for line in told), told


def test_a_vector_that_is_not_to_be_trained_is_none_of_it(step: Step) -> None:
    assert step(SNAKE.format(trainable=False)).symptoms == ()


def test_numbers_in_a_list_of_a_layer_are_noticed_and_a_single_one_may_be_a_setting(step: Step) -> None:
    several = SNAKE.format(trainable=True).replace("tf.ones([4])", "1.0")
    several = several.replace('self.frequency = tf.Variable(1.0, trainable=True, name="frequency")', "{held}")
    listed = several.format(held="self.parts = [tf.Variable(1.0), tf.Variable(0.5)]")
    listed = listed.replace("tf.square(tf.sin(self.frequency * x))", "self.parts[0] * x + self.parts[1] * x ** 2")
    assert step(listed).symptoms == (Symptom.LEFT_OUT,)
    assert step(several.format(held="self.frequency = tf.Variable(1.0)")).symptoms == ()
