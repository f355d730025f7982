import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(0)
WIN, CODES, LATENT = 64, 16, 4


def ecg_windows(n):
    rng = np.random.RandomState(7)
    t = np.linspace(0, 1, WIN)
    beats = []
    for _ in range(n):
        centre, width, amp = rng.uniform(.3, .7), rng.uniform(.02, .08), rng.uniform(.5, 1.5)
        qrs = amp * np.exp(-((t - centre) / width) ** 2)
        twave = 0.3 * amp * np.exp(-((t - centre - .2) / .07) ** 2)
        beats.append(qrs + twave + 0.02 * rng.randn(WIN))
    return np.asarray(beats, "float32")[..., None]


class Codebook(layers.Layer):
    """Replaces every latent vector by its nearest code word."""

    def __init__(self, n_codes, dim, **kw):
        super().__init__(**kw)
        self.n_codes, self.dim = n_codes, dim

    def build(self, shape):
        self.codes = self.add_weight(name="codes", shape=(self.n_codes, self.dim), initializer="random_normal")

    def call(self, latents):
        flat = tf.reshape(latents, [-1, self.dim])
        d2 = (tf.reduce_sum(flat ** 2, 1, keepdims=True)
              - 2.0 * tf.matmul(flat, self.codes, transpose_b=True)
              + tf.reduce_sum(self.codes ** 2, 1)[None, :])
        nearest = tf.argmin(d2, axis=1)
        quantised = tf.reshape(tf.gather(self.codes, nearest), tf.shape(latents))
        self.add_loss(tf.reduce_mean((tf.stop_gradient(latents) - quantised) ** 2))
        return latents + tf.stop_gradient(quantised - latents)


def compressor():
    sig = keras.Input((WIN, 1))
    h = layers.Conv1D(8, 5, strides=2, padding="same", activation="relu", name="enc_1")(sig)
    h = layers.Conv1D(LATENT, 5, strides=2, padding="same", name="enc_2")(h)
    q = Codebook(CODES, LATENT, name="vq")(h)
    h = layers.Conv1DTranspose(8, 5, strides=2, padding="same", activation="relu", name="dec_1")(q)
    rec = layers.Conv1DTranspose(1, 5, strides=2, padding="same", name="dec_2")(h)
    return keras.Model(sig, rec, name="ecg_vqvae")


x = ecg_windows(160)
model = compressor()
model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="mse")
before = model.get_layer("enc_1").get_weights()[0].copy()
hist = model.fit(x, x, batch_size=32, epochs=4, verbose=0)
print("loss", [round(v, 4) for v in hist.history["loss"]])
print("encoder moved by", float(np.abs(model.get_layer("enc_1").get_weights()[0] - before).max()))
