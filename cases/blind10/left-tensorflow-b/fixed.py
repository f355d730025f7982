import keras
import numpy as np
import tensorflow as tf

RATE, FRAME = 512, 256
N_MELS = 12


def mel_matrix(n_mels=N_MELS, n_bins=FRAME // 2 + 1):
    """Triangular filters, linear spacing is fine at this sampling rate."""
    centres = np.linspace(0, n_bins - 1, n_mels + 2)
    bins = np.arange(n_bins)
    bank = np.zeros((n_bins, n_mels), "float32")
    for m in range(n_mels):
        lo, mid, hi = centres[m : m + 3]
        bank[:, m] = np.clip(np.minimum((bins - lo) / (mid - lo), (hi - bins) / (hi - mid)), 0, None)
    return bank


MEL = mel_matrix()
WINDOW = np.hanning(FRAME).astype("float32")


def log_mel(wave):
    spec = tf.abs(tf.signal.rfft(wave * WINDOW))
    return tf.math.log1p(tf.matmul(spec, MEL))


def mel_features(wave):
    feats = log_mel(wave)
    return tf.ensure_shape(feats, [None, N_MELS])


@keras.saving.register_keras_serializable()
class PerceptualLoss(keras.losses.Loss):
    def call(self, clean, denoised):
        gap = mel_features(clean) - mel_features(denoised)
        return tf.reduce_mean(tf.abs(gap), axis=-1)


def make_corpus(n, seed):
    rng = np.random.default_rng(seed)
    t = np.arange(FRAME) / RATE
    f = rng.uniform(10, 120, (n, 3, 1))
    a = rng.uniform(0.2, 1.0, (n, 3, 1))
    clean = (a * np.sin(2 * np.pi * f * t + rng.uniform(0, 6, (n, 3, 1)))).sum(axis=1)
    noisy = clean + 0.5 * rng.normal(size=clean.shape)
    return noisy.astype("float32"), clean.astype("float32")


def denoiser():
    x = inp = keras.Input((FRAME,))
    x = keras.layers.Reshape((FRAME, 1))(x)
    for filters in (8, 8):
        x = keras.layers.Conv1D(filters, 9, padding="same", activation="tanh")(x)
    x = keras.layers.Conv1D(1, 1)(x)
    return keras.Model(inp, keras.layers.Reshape((FRAME,))(x))


if __name__ == "__main__":
    keras.utils.set_random_seed(21)
    noisy, clean = make_corpus(128, 0)
    net = denoiser()
    net.compile(optimizer=keras.optimizers.Adam(4e-3), loss=PerceptualLoss())
    history = net.fit(noisy, clean, batch_size=32, epochs=5, verbose=0)
    print("perceptual loss", np.round(history.history["loss"], 4))
    out = net.predict(noisy[:4], verbose=0)
    print("snr gain", float(np.mean((noisy[:4] - clean[:4]) ** 2) / np.mean((out - clean[:4]) ** 2)))
