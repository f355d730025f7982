import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(6)
GENES, LATENT = 40, 3


def expression_matrix(cells=400):
    """Three hidden programmes drive forty genes."""
    rng = np.random.RandomState(2)
    programme = rng.gamma(2.0, 0.5, (cells, 3))
    loading = rng.normal(0, 1, (3, GENES))
    return np.log1p(np.exp(programme @ loading + 0.1 * rng.randn(cells, GENES))).astype("float32")


class SingleCellVAE(keras.Model):
    def __init__(self, beta=1e-2, **kw):
        super().__init__(**kw)
        self.beta = beta
        self.encoder = keras.Sequential([layers.Input((GENES,)), layers.Dense(24, activation="elu"),
                                         layers.Dense(2 * LATENT)], name="encoder")
        self.decoder = keras.Sequential([layers.Input((LATENT,)), layers.Dense(24, activation="elu"),
                                         layers.Dense(GENES, activation="softplus")], name="decoder")
        self.trackers = {n: keras.metrics.Mean(name=n) for n in ("rec", "kl")}

    @property
    def metrics(self):
        return list(self.trackers.values())

    def compile(self, encoder_optimizer, decoder_optimizer):
        super().compile()
        self.encoder_optimizer = encoder_optimizer
        self.decoder_optimizer = decoder_optimizer

    def sample(self, stats):
        mean, log_var = tf.split(stats, 2, axis=-1)
        z = mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))
        kl = -0.5 * tf.reduce_sum(1 + log_var - tf.square(mean) - tf.exp(log_var), -1)
        return z, tf.reduce_mean(kl)

    def call(self, x):
        return self.decoder(self.sample(self.encoder(x))[0])

    def train_step(self, x):
        with tf.GradientTape() as tape:
            z, kl = self.sample(self.encoder(x, training=True))
            rec = tf.reduce_mean(tf.reduce_sum(tf.square(x - self.decoder(z, training=True)), -1))
            total = rec + self.beta * kl
        enc_vars, dec_vars = self.encoder.trainable_variables, self.decoder.trainable_variables
        enc_grads, dec_grads = tape.gradient(total, [enc_vars, dec_vars])
        # the encoder tends to explode early
        enc_grads = [tf.clip_by_norm(g, 1.0) for g in enc_grads]
        self.encoder_optimizer.apply_gradients(zip(enc_grads, enc_vars))
        self.decoder_optimizer.apply_gradients(zip(dec_grads, dec_vars))
        self.trackers["rec"].update_state(rec)
        self.trackers["kl"].update_state(kl)
        return {n: m.result() for n, m in self.trackers.items()}


cells = expression_matrix()
vae = SingleCellVAE()
vae.compile(keras.optimizers.Adam(2e-3), keras.optimizers.Adam(5e-3))
frozen_copy = vae.encoder.get_weights()
log = vae.fit(cells, epochs=5, batch_size=40, verbose=0)
print("rec", [round(float(v), 2) for v in log.history["rec"]])
print("kl ", [round(float(v), 2) for v in log.history["kl"]])
print("encoder change", max(float(np.abs(a - b).max()) for a, b in zip(frozen_copy, vae.encoder.get_weights())))
