import numpy as np
import tensorflow as tf


def texture_batches(n, seed, size=16, batch=16):
    rng = np.random.RandomState(500 + seed)
    yy, xx = np.mgrid[:size, :size]
    for _ in range(n):
        angle = rng.uniform(0, np.pi, (batch, 1, 1))
        phase = rng.uniform(0, 2 * np.pi, (batch, 1, 1))
        wave = 0.5 + 0.5 * np.sin(0.6 * (np.cos(angle) * xx + np.sin(angle) * yy) + phase)
        yield tf.constant(wave[..., None], tf.float32)
