"""Wide & deep click model, FTRL for the wide side and Adam for the deep side (Keras 2)."""
import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

CROSSES, SITES, DEVICES = 64, 20, 5


class WideDeep(keras.Model):
    def __init__(self, dim=6):
        super().__init__()
        self.wide = layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="wide")
        self.site = layers.Embedding(SITES, dim, name="site")
        self.device = layers.Embedding(DEVICES, dim, name="device")
        self.mlp = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)], name="mlp")

    def call(self, inputs):
        crossed, site, device = inputs
        deep = self.mlp(tf.concat([self.site(site), self.device(device)], axis=-1))
        return tf.squeeze(self.wide(crossed) + deep, axis=-1)

    def sides(self):
        wide = self.wide.trainable_variables
        taken = {id(v) for v in wide}
        return {"wide": wide, "deep": [v for v in self.trainable_variables if id(v) not in taken]}


class SideOptimizer:
    def __init__(self, optimizer, clip=None):
        self.optimizer = optimizer
        self.clip = clip

    def update(self, tape, loss, variables):
        grads = tape.gradient(loss, variables)
        if self.clip:
            grads, _ = tf.clip_by_global_norm(grads, self.clip)
        self.optimizer.apply_gradients(zip(grads, variables))


def impressions(n, seed=1):
    rng = np.random.default_rng(seed)
    site, device = rng.integers(0, SITES, n), rng.integers(0, DEVICES, n)
    crossed = np.eye(CROSSES)[(site * DEVICES + device) % CROSSES]
    p = 1 / (1 + np.exp(-(np.sin(site) * 2 + 0.7 * (device == 2) - 0.5)))
    click = rng.random(n) < p
    return (crossed.astype("float32"), site.astype("int32"), device.astype("int32")), click.astype("float32")


def train(model, inputs, clicks, optimizers, epochs=4, batch=64):
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    dataset = tf.data.Dataset.from_tensor_slices((inputs, clicks)).shuffle(512, seed=0).batch(batch)
    for epoch in range(epochs):
        meter = keras.metrics.Mean()
        for x, y in dataset:
            with tf.GradientTape(persistent=True) as tape:
                loss = bce(y, model(x, training=True))
            for side, variables in model.sides().items():
                optimizers[side].update(tape, loss, variables)
            del tape
            meter.update_state(loss)
        print(f"epoch {epoch} logloss {meter.result().numpy():.4f}")


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    inputs, clicks = impressions(1024)
    train(
        WideDeep(),
        inputs,
        clicks,
        {
            "wide": SideOptimizer(keras.optimizers.Ftrl(0.1, l1_regularization_strength=1e-3)),
            "deep": SideOptimizer(keras.optimizers.Adam(5e-3), clip=5.0),
        },
    )
