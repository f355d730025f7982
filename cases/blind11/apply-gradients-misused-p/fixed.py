"""Multidimensional scaling of city distances with Adam, no keras model involved."""
import numpy as np
import tensorflow as tf

CITIES = ["ams", "ber", "bcn", "cph", "lis", "mil", "par", "vie"]
rng = np.random.RandomState(7)
TRUE = rng.uniform(-1.0, 1.0, size=(len(CITIES), 2))
DIST = np.sqrt(((TRUE[:, None] - TRUE[None]) ** 2).sum(-1)).astype("float32")


def stress(layout):
    delta = tf.expand_dims(layout, 1) - tf.expand_dims(layout, 0)
    dist = tf.sqrt(tf.reduce_sum(delta ** 2, -1) + 1e-9)
    return tf.reduce_mean((dist - DIST) ** 2)


def train(opt, layout):
    with tf.GradientTape() as tape:
        tape.watch(layout)
        loss = stress(layout)
    gradients = tape.gradient(loss, layout)
    opt.apply_gradients(zip([gradients], [layout]))
    return loss


opt = tf.keras.optimizers.Adam(learning_rate=0.05)
layout = tf.Variable(tf.random.normal((len(CITIES), 2), seed=3))

for i in range(100):
    loss = train(opt, layout)
    if i % 20 == 0:
        print("iteration", i, "stress", round(float(loss), 5))
for name, (x, y) in zip(CITIES, layout.numpy()):
    print(f"{name}: {x:+.2f} {y:+.2f}")
