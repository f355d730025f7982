"""Hashing network for image retrieval: binary codes with a clipped straight-through gradient."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers

BITS = 16


@tf.custom_gradient
def binarize(x):
    """sign(x) forward, hard-tanh gradient backward."""
    code = tf.where(x >= 0.0, tf.ones_like(x), -tf.ones_like(x))

    def backward(upstream):
        return upstream * tf.cast(tf.abs(x) <= 1.0, upstream.dtype)

    return code, backward


class BinaryCode(layers.Layer):
    def __init__(self, bits, **kwargs):
        super().__init__(**kwargs)
        self.bits = bits
        self.norm = layers.BatchNormalization(center=False)
        self.project = layers.Dense(bits, use_bias=False)

    def call(self, x, training=False):
        raw = self.norm(self.project(x), training=training)
        return binarize(raw)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.bits)


class PairwiseHash(keras.losses.Loss):
    """Codes of the same class should agree. y_true carries integer class ids."""

    def call(self, y_true, code):
        ids = tf.reshape(tf.cast(y_true, tf.int32), [-1])
        same = tf.cast(tf.equal(ids[:, None], ids[None, :]), tf.float32)
        agree = tf.matmul(code, code, transpose_b=True) / BITS
        return tf.reduce_mean(tf.square(agree - (2.0 * same - 1.0)), axis=1)


def shapes(n, side=14, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, n)
    x = 0.25 * rng.normal(size=(n, side, side))
    for i, k in enumerate(y):
        r = rng.integers(3, side - 3)
        if k == 0:
            x[i, r, :] += 1
        elif k == 1:
            x[i, :, r] += 1
        elif k == 2:
            x[i, r - 2 : r + 2, r - 2 : r + 2] += 1
        else:
            np.fill_diagonal(x[i], 1)
    return x.astype("float32")[..., None], y.astype("float32")


def precision_at_5(codes, labels):
    sim = codes @ codes.T
    np.fill_diagonal(sim, -np.inf)
    top = np.argsort(-sim, axis=1)[:, :5]
    return float((labels[top] == labels[:, None]).mean())


if __name__ == "__main__":
    keras.utils.set_random_seed(64)
    x, y = shapes(320)
    net = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            layers.Conv2D(12, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, activation="relu"),
            layers.GlobalMaxPooling2D(),
            BinaryCode(BITS),
        ]
    )
    net.compile(optimizer=keras.optimizers.Adam(5e-3), loss=PairwiseHash())
    print("precision@5 before", precision_at_5(net.predict(x, verbose=0), y))
    hist = net.fit(x, y, batch_size=64, epochs=10, verbose=0)
    print("loss", np.round(hist.history["loss"], 3))
    print("precision@5 after", precision_at_5(net.predict(x, verbose=0), y))
