"""x2 super resolution of thermal camera frames, loss on several scales."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers

LOW, FACTOR = 12, 2
HIGH = LOW * FACTOR


def shrink(images, factor):
    size = images.shape[1] // factor
    return tf.image.resize(images, (size, size), method="area")


class PyramidLoss(keras.losses.Loss):
    """Charbonnier error on the full image and on shrunken copies."""

    def __init__(self, scales=(1, 2, 4), weights=(1.0, 0.5, 0.25), eps=1e-3):
        super().__init__(name="pyramid")
        self.levels = list(zip(scales, weights))
        self.eps = eps

    def call(self, y_true, y_pred):
        total = 0.0
        for scale, weight in self.levels:
            a, b = y_true, y_pred
            if scale > 1:
                a, b = shrink(a, scale), shrink(b, scale)
            total += weight * tf.reduce_mean(tf.sqrt(tf.square(a - b) + self.eps ** 2), axis=[1, 2, 3])
        return total


def thermal_frames(n, seed=23):
    rng = np.random.RandomState(seed)
    yy, xx = np.mgrid[:HIGH, :HIGH] / HIGH
    frames = np.zeros((n, HIGH, HIGH, 1), "float32")
    for k in range(n):
        for _ in range(3):
            cy, cx, s, a = rng.rand(), rng.rand(), rng.uniform(0.05, 0.2), rng.uniform(0.3, 1)
            frames[k, ..., 0] += a * np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / s ** 2)
    frames /= frames.max(axis=(1, 2, 3), keepdims=True)
    # camera: integrates over each sensor element
    small = shrink(tf.constant(frames), FACTOR).numpy()
    return small + 0.01 * rng.randn(*small.shape).astype("float32"), frames


class Shuffle(layers.Layer):
    def call(self, x):
        return tf.nn.depth_to_space(x, FACTOR)

    def compute_output_shape(self, s):
        return (s[0], s[1] * FACTOR, s[2] * FACTOR, s[3] // FACTOR ** 2)


def espcn(filters=12):
    inp = keras.Input((LOW, LOW, 1))
    x = layers.Conv2D(filters, 5, padding="same", activation="tanh")(inp)
    x = layers.Conv2D(filters, 3, padding="same", activation="tanh")(x)
    x = layers.Conv2D(FACTOR ** 2, 3, padding="same")(x)
    return keras.Model(inp, Shuffle()(x), name="espcn")


keras.utils.set_random_seed(23)
small, full = thermal_frames(96)
net = espcn()
net.compile(optimizer=keras.optimizers.Adam(5e-3), loss=PyramidLoss())
log = net.fit(small, full, batch_size=16, epochs=5, verbose=0)
print("pyramid loss", [round(v, 4) for v in log.history["loss"]])
print("psnr %.2f dB" % float(tf.reduce_mean(tf.image.psnr(full, net.predict(small, verbose=0), 1.0))))
