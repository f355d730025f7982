"""Small programs that the tests of the verifier run."""

# ruff: noqa: E501

from __future__ import annotations

LOOP = """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(4, activation="tanh"), tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.Adam(0.01)
x = tf.random.normal((8, 3), seed=1)
y = tf.reduce_sum(x, axis=1, keepdims=True)
for step in range(1000000):
{body}
"""
SOUND_LOOP = LOOP.format(
    body="""
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
)
FORWARD_OUTSIDE = LOOP.format(
    body="""
    prediction = model(x)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((prediction - y) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
)
LOSS_OUTSIDE = LOOP.format(
    body="""
    with tf.GradientTape() as tape:
        prediction = model(x)
    loss = tf.reduce_mean((prediction - y) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
)
NEVER_APPLIED = LOOP.format(
    body="""
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    if step > 200:
        break
"""
)
FIT = """
import numpy as np
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((6,)), tf.keras.layers.Dense(8, activation="relu"), {head}])
model.compile("adam", {loss})
x = np.random.RandomState(0).randn(40, 6).astype("float32")
y = (x[:, :1] > 0).astype("float32")
model.fit(x, y, epochs=3, batch_size=8, verbose=2)
"""
REPLACED = """
import tensorflow as tf
w = tf.Variable([[1.0], [2.0]])
x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
for step in range(5):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.matmul(x, w) ** 2)
    gradient = tape.gradient(loss, w)
    {update}
"""
GAN = """
import tensorflow as tf
generator = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.Dense(3)], name="generator")
critic = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(4, activation="tanh"), tf.keras.layers.Dense(1)], name="critic")
g_optimizer, d_optimizer = tf.keras.optimizers.Adam(1e-3), tf.keras.optimizers.Adam(1e-3)
for step in range(100):
    for _ in range(5):
        with tf.GradientTape() as tape:
            d_loss = tf.reduce_mean(critic(generator(tf.random.normal((4, 2))))) - tf.reduce_mean(critic(tf.random.normal((4, 3))))
        grads = tape.gradient(d_loss, critic.trainable_variables)
        d_optimizer.apply_gradients(zip(grads, critic.trainable_variables))
    with tf.GradientTape() as tape:
        g_loss = -tf.reduce_mean(critic(generator(tf.random.normal((4, 2)))))
    grads = tape.gradient(g_loss, generator.trainable_variables)
    g_optimizer.apply_gradients(zip(grads, generator.trainable_variables))
"""
PARTS = """
import tensorflow as tf
encoder = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)], name="encoder")
{prepared}
head = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)], name="head")
optimizer = tf.keras.optimizers.Adam()
x = tf.random.normal((8, 4))
for _ in range(100):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((head(encoder(x)) - 1.0) ** 2)
    variables = {variables}
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
"""
