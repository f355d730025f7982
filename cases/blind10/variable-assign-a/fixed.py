"""Hybrid exponential smoothing + MLP forecaster for weekly sales (Holt style level, learned alpha)."""
import numpy as np
import tensorflow as tf
import keras

BATCH, WINDOW = 16, 24


class SmoothedLevel(keras.layers.Layer):
    """Runs simple exponential smoothing over the window, alpha is learned per series channel."""

    def __init__(self, batch_size, channels, **kw):
        super().__init__(**kw)
        self.batch_size = batch_size
        self.channels = channels

    def build(self, input_shape):
        self.alpha_logit = self.add_weight(
            name="alpha_logit", shape=(self.channels,), initializer=keras.initializers.Constant(-1.0)
        )

    def call(self, series):
        alpha = tf.sigmoid(self.alpha_logit)
        level = series[:, 0]
        for step in range(1, WINDOW):
            obs = series[:, step]
            level = alpha * obs + (1.0 - alpha) * level
        residual = series - level[:, None, :]
        return level, residual


class Forecaster(keras.Model):
    def __init__(self, channels):
        super().__init__()
        self.smoother = SmoothedLevel(BATCH, channels, name="smoother")
        self.flat = keras.layers.Flatten()
        self.hidden = keras.layers.Dense(16, activation="relu")
        self.delta = keras.layers.Dense(channels)

    def call(self, series):
        level, residual = self.smoother(series)
        return level + self.delta(self.hidden(self.flat(residual)))


def weekly_sales(n, channels, rng):
    base = rng.uniform(5, 10, (n, 1, channels))
    t = np.arange(WINDOW + 1)[None, :, None]
    trend = rng.normal(0, 0.05, (n, 1, channels)) * t
    season = 0.5 * np.sin(2 * np.pi * t / 12)
    x = base + trend + season + 0.3 * rng.normal(size=(n, WINDOW + 1, channels))
    x = x.astype("float32")
    return x[:, :-1], x[:, -1]


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x, y = weekly_sales(BATCH * 12, 3, rng)
    model = Forecaster(3)
    model.compile(keras.optimizers.Adam(5e-3), loss="mae")
    hist = model.fit(x, y, batch_size=BATCH, epochs=4, verbose=0)
    print("mae per epoch", np.round(hist.history["loss"], 4))
    print("alpha", tf.sigmoid(model.smoother.alpha_logit).numpy())
