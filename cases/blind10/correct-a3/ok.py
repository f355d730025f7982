"""VQ-VAE with an EMA codebook on small synthetic textures."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers


class EMAQuantizer(layers.Layer):
    """Nearest-code lookup. Codes follow the encoder by moving averages, they have no gradient of their own."""

    def __init__(self, n_codes, dim, decay=0.95, beta=0.25, **kw):
        super().__init__(**kw)
        self.n_codes, self.dim, self.decay, self.beta = n_codes, dim, decay, beta

    def build(self, input_shape):
        self.codes = self.add_weight(
            name="codes", shape=(self.n_codes, self.dim), initializer="random_normal", trainable=False
        )
        self.count = self.add_weight(name="count", shape=(self.n_codes,), initializer="ones", trainable=False)
        self.total = self.add_weight(
            name="total", shape=(self.n_codes, self.dim), initializer="random_normal", trainable=False
        )

    def call(self, z, training=False):
        flat = tf.reshape(z, [-1, self.dim])
        d = (
            tf.reduce_sum(flat**2, axis=1, keepdims=True)
            - 2.0 * tf.matmul(flat, self.codes, transpose_b=True)
            + tf.reduce_sum(tf.square(self.codes), axis=1)
        )
        pick = tf.argmin(d, axis=1)
        onehot = tf.one_hot(pick, self.n_codes)
        quantised = tf.reshape(tf.matmul(onehot, self.codes), tf.shape(z))
        if training:
            self.follow(tf.stop_gradient(flat), onehot)
        self.add_loss(self.beta * tf.reduce_mean(tf.square(z - tf.stop_gradient(quantised))))
        return z + tf.stop_gradient(quantised - z)

    def follow(self, flat, onehot):
        self.count.assign(self.decay * self.count + (1 - self.decay) * tf.reduce_sum(onehot, axis=0))
        self.total.assign(self.decay * self.total + (1 - self.decay) * tf.matmul(onehot, flat, transpose_a=True))
        self.codes.assign(self.total / (self.count[:, None] + 1e-5))


class VQVAE(keras.Model):
    def __init__(self, n_codes=16, dim=4):
        super().__init__()
        self.encoder = keras.Sequential(
            [layers.Conv2D(8, 3, 2, "same", activation="relu"), layers.Conv2D(dim, 3, 2, "same")]
        )
        self.quantizer = EMAQuantizer(n_codes, dim)
        self.decoder = keras.Sequential(
            [layers.Conv2DTranspose(8, 3, 2, "same", activation="relu"), layers.Conv2DTranspose(1, 3, 2, "same")]
        )
        self.recon = keras.metrics.Mean(name="recon")

    @property
    def metrics(self):
        return [self.recon]

    def call(self, x, training=False):
        return self.decoder(self.quantizer(self.encoder(x), training=training))

    def train_step(self, x):
        with tf.GradientTape() as tape:
            y = self(x, training=True)
            recon = tf.reduce_mean(tf.square(y - x))
            loss = recon + tf.add_n(self.losses)
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        self.recon.update_state(recon)
        return {"recon": self.recon.result()}


def textures(n, side=16, seed=0):
    rng = np.random.default_rng(seed)
    g = np.arange(side)
    fx, fy = rng.choice([0.3, 0.8], n), rng.choice([0.3, 0.8], n)
    x = np.sin(fx[:, None, None] * g[None, :, None]) + np.cos(fy[:, None, None] * g[None, None, :])
    return x.astype("float32")[..., None]


if __name__ == "__main__":
    keras.utils.set_random_seed(14)
    model = VQVAE()
    model.compile(optimizer=keras.optimizers.Adam(5e-3))
    log = model.fit(textures(192), epochs=8, batch_size=32, verbose=0)
    print("reconstruction", np.round(log.history["recon"], 4))
    codes = model.quantizer.codes.numpy()
    print("codebook norm", np.linalg.norm(codes, axis=1).round(2))
