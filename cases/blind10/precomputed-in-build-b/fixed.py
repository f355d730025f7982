"""SincNet style front end: band-pass filters whose cut-off frequencies are the only parameters."""
import math

import numpy as np
import tensorflow as tf


class SincConv1D(tf.keras.layers.Layer):
    def __init__(self, n_filters, width, sample_rate, min_band=5.0, **kwargs):
        super().__init__(**kwargs)
        self.n_filters = n_filters
        self.width = width
        self.sample_rate = float(sample_rate)
        self.min_band = min_band

    def build(self, input_shape):
        edges = np.linspace(5.0, self.sample_rate / 2 - 20.0, self.n_filters + 1).astype("float32")
        self.low = self.add_weight(
            name="low_hz", shape=(self.n_filters,), initializer=lambda shape, dtype=None: tf.constant(edges[:-1])
        )
        self.band = self.add_weight(
            name="band_hz",
            shape=(self.n_filters,),
            initializer=lambda shape, dtype=None: tf.constant(np.diff(edges)),
        )
        half = (self.width - 1) // 2
        self.time = tf.range(-half, half + 1, dtype=tf.float32) / self.sample_rate
        self.hamming = tf.signal.hamming_window(self.width, periodic=False)
        super().build(input_shape)

    def lowpass(self, cutoff):
        arg = 2.0 * math.pi * cutoff[None, :] * self.time[:, None]
        safe = tf.where(tf.abs(arg) < 1e-6, tf.ones_like(arg), arg)
        sinc = tf.where(tf.abs(arg) < 1e-6, tf.ones_like(arg), tf.sin(safe) / safe)
        return 2.0 * cutoff[None, :] / self.sample_rate * sinc

    def bandpass(self):
        low = tf.abs(self.low)
        high = tf.clip_by_value(low + self.min_band + tf.abs(self.band), 0.0, self.sample_rate / 2)
        kernel = (self.lowpass(high) - self.lowpass(low)) * self.hamming[:, None]
        return kernel[:, None, :]

    def call(self, wave):
        return tf.nn.conv1d(wave, self.bandpass(), stride=2, padding="VALID")

    def compute_output_shape(self, input_shape):
        return (input_shape[0], (input_shape[1] - self.width) // 2 + 1, self.n_filters)


def log_energy(bands):
    return tf.math.log(tf.reduce_mean(tf.square(bands), axis=1) + 1e-4)


def speaker_net(n_speakers, rate, n_filters=10):
    wave = tf.keras.Input((rate, 1))
    bands = SincConv1D(n_filters, 33, rate, name="sinc")(wave)
    energy = tf.keras.layers.Lambda(log_energy, output_shape=(n_filters,))(bands)
    h = tf.keras.layers.LayerNormalization()(energy)
    return tf.keras.Model(wave, tf.keras.layers.Dense(n_speakers)(h))


def speakers(n, rate=400, n_speakers=5, seed=3):
    rng = np.random.RandomState(seed)
    who = rng.randint(0, n_speakers, n)
    t = np.arange(rate) / rate
    pitch = 25 + 22 * who[:, None] + rng.randn(n, 1) * 3
    wave = sum(np.sin(2 * np.pi * h * pitch * t + rng.rand(n, 1) * 6) / h for h in (1, 2))
    return (wave + 0.3 * rng.randn(n, rate)).astype("float32")[..., None], who


tf.keras.utils.set_random_seed(0)
wave, who = speakers(240)
net = speaker_net(5, 400)
front = net.get_layer("sinc")
net.compile(
    optimizer=tf.keras.optimizers.Adam(0.02),
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
print("initial low edges", np.round(front.low.numpy(), 1))
for stage in range(3):
    h = net.fit(wave, who, epochs=2, batch_size=48, verbose=0)
    low = front.low.numpy()
    print(f"stage {stage}: loss {h.history['loss'][-1]:.3f} acc {h.history['accuracy'][-1]:.3f} low edges {np.round(low, 1)}")
