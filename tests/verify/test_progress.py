"""Training that cannot lower the error, weights without a part in the output; and what rises on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from regrad.verify import Evidence, StepReport, Symptom, Verdict
from regrad.verify.faults import sound

pytestmark = pytest.mark.tensorflow
Step = Callable[..., StepReport]
Compare = Callable[..., Evidence]

DATA = """
import numpy as np
import tensorflow as tf
x = np.random.RandomState(0).normal(size=(32, 4)).astype("float32")
y = x[:, :1] * 2 - x[:, 1:2]
"""
NETWORK = """
net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(6, activation="tanh"), tf.keras.layers.Dense(1)])
"""
BY_HAND = (
    DATA
    + """
w, b = tf.Variable(tf.random.normal((4, 1), seed=1)), tf.Variable(tf.zeros(1))
for i in range(0, 32, 8):
    with tf.GradientTape() as tape:
        loss = {loss}
    gradients = tape.gradient(loss, [w, b])
    for variable, gradient in zip([w, b], gradients):
        {update}
"""
)
LOOP = (
    DATA
    + NETWORK
    + """
optimizer = tf.keras.optimizers.{optimizer}
mse, bce = tf.keras.losses.MeanSquaredError(), tf.keras.losses.BinaryCrossentropy(from_logits=True)
for _ in range(20):
    with tf.GradientTape() as tape:
        loss = {loss}
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip({gradients}, net.trainable_variables))
"""
)
FIT = (
    DATA
    + NETWORK
    + """
net.compile({compiled})
net.fit(x, y, epochs=3, batch_size=8, verbose=0)
"""
)
ERROR = "tf.reduce_mean((x[i : i + 8] @ w + b - y[i : i + 8]) ** 2)"
DOWN, UP = "variable.assign_sub(0.05 * gradient)", "variable.assign_add(0.05 * gradient)"


def loop(loss: str, gradients: str = "gradients", optimizer: str = "Adam(0.01)") -> str:
    return LOOP.format(loss=loss, gradients=gradients, optimizer=optimizer)


RISING = {
    "added": (BY_HAND.format(loss=ERROR, update=UP), BY_HAND.format(loss=ERROR, update=DOWN)),
    "scaled": (
        BY_HAND.format(loss=f"0.5 * {ERROR} + 0.01 * tf.nn.l2_loss(w)", update=UP),
        BY_HAND.format(loss=f"0.5 * {ERROR} + 0.01 * tf.nn.l2_loss(w)", update=DOWN),
    ),
    "turned-gradients": (loop("mse(y, net(x))", "[-g for g in gradients]"), loop("mse(y, net(x))")),
    "turned-loss": (loop("-tf.reduce_mean(tf.square(net(x) - y))"), loop("tf.reduce_mean(tf.square(net(x) - y))")),
    "turned-cross-entropy": (loop("-bce(y > 0, net(x))"), loop("bce(y > 0, net(x))")),
    "turned-in-fit": (
        FIT.format(compiled='"adam", lambda true, guess: -tf.reduce_mean(tf.abs(true - guess))'),
        FIT.format(compiled='"adam", lambda true, guess: tf.reduce_mean(tf.abs(true - guess))'),
    ),
    "far-too-large-steps": (
        FIT.format(compiled='tf.keras.optimizers.SGD(20.0), "mse"'),
        FIT.format(compiled='tf.keras.optimizers.SGD(0.05), "mse"'),
    ),
}


@pytest.mark.parametrize("name", list(RISING))
def test_training_that_raises_the_error_is_noticed(compare: Compare, name: str) -> None:
    evidence = compare(*RISING[name])
    assert evidence.before.symptoms == (Symptom.LOSS_DOES_NOT_FALL,)
    assert evidence.verdict is Verdict.MENDED
    assert evidence.before.places


REWARD = "tf.reduce_sum(tf.math.log_sigmoid(x[i : i + 8] @ w + b) * y[i : i + 8])"
MEANT = {
    "a-reward": BY_HAND.format(loss=REWARD, update=UP),
    "a-likelihood": BY_HAND.format(loss=f"-{ERROR}", update=UP),
    "hardly-any-steps": loop("mse(y, net(x))", optimizer="SGD(1e-9)"),
    "large-first-steps": FIT.format(compiled='tf.keras.optimizers.Adam(0.1), "mse"'),
    "a-similarity": FIT.format(compiled='"adam", tf.keras.losses.CosineSimilarity(axis=0)'),
    "a-reward-in-a-loop": loop("-tf.reduce_mean(tf.math.log_sigmoid(net(x)) * tf.maximum(y, 0.0))"),
    "negative-rewards": loop("tf.reduce_mean(tf.square(net(x) - y)) * -1.0 * float(-y.max())"),
    "momentum": FIT.format(compiled='tf.keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), "mse"'),
    "an-attack": DATA
    + NETWORK
    + """
net.trainable = False
change = tf.Variable(tf.zeros((1, 4)))
for _ in range(9):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(net(x + change) - y))
    change.assign_add(0.1 * tf.sign(tape.gradient(loss, change)))
""",
    "a-part-that-is-to-err": DATA
    + """
encoder, judge = tf.keras.layers.Dense(3), tf.keras.layers.Dense(1)
for _ in range(9):
    with tf.GradientTape(persistent=True) as tape:
        loss = tf.reduce_mean(tf.square(judge(encoder(x)) - y))
    for variable, gradient in zip(judge.variables, tape.gradient(loss, judge.variables)):
        variable.assign_sub(0.1 * gradient)
    for variable, gradient in zip(encoder.variables, tape.gradient(loss, encoder.variables)):
        variable.assign_add(0.1 * gradient)
""",
    "noise": DATA
    + """
net = tf.keras.Sequential([
    tf.keras.Input((4,)), tf.keras.layers.Dense(6), tf.keras.layers.BatchNormalization(), tf.keras.layers.Dropout(0.8),
    tf.keras.layers.GaussianNoise(0.9), tf.keras.layers.Dense(1),
])
net.compile("adam", "mse")
net.fit(x, y, epochs=3, batch_size=4, verbose=0)
""",
    "a-reversed-gradient": DATA
    + """
@tf.custom_gradient
def reverse(t):
    return tf.identity(t), lambda slope: -slope
class Adversary(tf.keras.layers.Layer):
    def call(self, t):
        return reverse(t)
inputs = tf.keras.Input((4,))
hidden = tf.keras.layers.Dense(5, activation="tanh")(inputs)
one = tf.keras.layers.Dense(1, name="one")(hidden)
two = tf.keras.layers.Dense(1, name="two")(Adversary()(hidden))
net = tf.keras.Model(inputs, [one, two])
net.compile("adam", ["mse", "mse"])
net.fit(x, [y, -y], epochs=2, verbose=0)
""",
}


@pytest.mark.parametrize("name", list(MEANT))
def test_what_rises_on_purpose_or_falls_slowly_is_not(step: Step, name: str) -> None:
    assert sound(step(MEANT[name]))


CACHED = (
    DATA
    + """
class Cached(tf.keras.layers.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 1), name="kernel", regularizer=tf.keras.regularizers.L2(0.1))
        self.first = self.kernel.numpy()
    def call(self, t):
        return t @ {used}
net = tf.keras.Sequential([Cached()])
net.build((None, 4))
net.compile(tf.keras.optimizers.SGD(0.1), "mse")
net.fit(x, y, verbose=0)
"""
)
ROUNDED = (
    DATA
    + """
@tf.custom_gradient
def rounded(t):
    return tf.round(t), lambda slope: slope
class Hard(tf.keras.layers.Layer):
    def call(self, t):
        return rounded(t)
net = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1), Hard()])
net.compile(tf.keras.optimizers.SGD(1e-6), "mse")
net.fit(x, y, verbose=0)
"""
)


def test_weights_that_move_without_a_part_in_the_output_are_noticed(compare: Compare) -> None:
    evidence = compare(CACHED.format(used="self.first"), CACHED.format(used="self.kernel"))
    assert Symptom.OUTPUT_FIXED in evidence.before.symptoms and evidence.verdict is Verdict.MENDED


def test_an_output_that_small_steps_leave_as_it_is_depends_on_the_weights(step: Step) -> None:
    assert sound(step(ROUNDED))
