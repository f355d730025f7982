"""Learned compression of small gray pictures: hard quantisation forward, soft gradient backward."""
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

keras.utils.set_random_seed(77)


class Config:
    size = 16
    channels = 4
    centers = (-2.0, -1.0, 0.0, 1.0, 2.0)
    beta = 0.05
    lr = 3e-3


def quantizer(w, L=Config.centers, temperature=1.0):
    """Agustsson et al. - hard assignment w_hard, its gradient is the one of w_bar"""
    centers = tf.constant(L, dtype=tf.float32)
    distance = tf.abs(tf.expand_dims(w, -1) - centers)
    w_hard = tf.gather(centers, tf.argmin(distance, axis=-1))
    weights = tf.nn.softmax(-distance / temperature, axis=-1)
    w_bar = tf.reduce_sum(weights * centers, axis=-1)
    return tf.stop_gradient(w_hard - w_bar) + w_bar


class Codec(keras.Model):
    def __init__(self, config=Config):
        super().__init__()
        self.config = config
        self.encoder = keras.Sequential([
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(config.channels, 3, strides=2, padding="same"),
            layers.LayerNormalization(),
        ], name="encoder")
        self.decoder = keras.Sequential([
            layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
        ], name="decoder")
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.usage_tracker = keras.metrics.Mean(name="centers_used")

    def call(self, x, training=False):
        return self.decoder(quantizer(self.encoder(x, training=training)), training=training)

    @property
    def metrics(self):
        return [self.loss_tracker, self.usage_tracker]

    def train_step(self, x):
        with tf.GradientTape() as tape:
            w = self.encoder(x, training=True)
            w_hat = quantizer(w)
            reconstruction = self.decoder(w_hat, training=True)
            distortion = tf.reduce_mean(tf.square(x - reconstruction))
            # keeps the code near the centers
            commitment = tf.reduce_mean(tf.square(w - tf.stop_gradient(w_hat)))
            loss = distortion + self.config.beta * commitment
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        symbols = tf.cast(tf.round(w_hat), tf.int32)
        used = tf.size(tf.unique(tf.reshape(symbols, [-1]))[0])
        self.loss_tracker.update_state(loss)
        self.usage_tracker.update_state(tf.cast(used, tf.float32))
        return {m.name: m.result() for m in self.metrics}


def shapes(n, size):
    g = np.linspace(-1, 1, size)
    cx, cy, r = np.random.uniform(-0.5, 0.5, (3, n, 1, 1))
    d = np.sqrt((g[None, :, None] - cx) ** 2 + (g[None, None] - cy) ** 2)
    return (d < 0.3 + 0.4 * np.abs(r)).astype("float32")[..., None]


data = shapes(512, Config.size)
codec = Codec()
codec.compile(optimizer=keras.optimizers.Adam(Config.lr))
codec.fit(data, batch_size=32, epochs=5, verbose=2)
print("mse of the quantised reconstruction", float(np.mean((codec.predict(data, verbose=0) - data) ** 2)))
