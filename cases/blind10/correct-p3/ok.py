# Binary weights and activations for an edge device: gesture recognition from an IMU
import keras
import numpy as np
import tensorflow as tf
from keras import layers


@tf.custom_gradient
def binarise(x):
    """Forward: sign in {-1, +1}. Backward: identity where |x| <= 1."""
    sign = tf.where(x >= 0.0, tf.ones_like(x), -tf.ones_like(x))

    def grad(dy):
        return dy * tf.cast(tf.abs(x) <= 1.0, dy.dtype)

    return sign, grad


class BinaryDense(layers.Layer):
    def __init__(self, units, binary_input=True, **kw):
        super().__init__(**kw)
        self.units, self.binary_input = units, binary_input

    def build(self, shape):
        self.latent = self.add_weight(name="latent", shape=(shape[-1], self.units), initializer="glorot_uniform",
                                      constraint=lambda w: keras.ops.clip(w, -1.0, 1.0))

    def call(self, x):
        if self.binary_input:
            x = binarise(x)
        w = binarise(tf.convert_to_tensor(self.latent))
        scale = tf.reduce_mean(tf.abs(self.latent), axis=0)
        return tf.matmul(x, w) * scale

    def compute_output_shape(self, s):
        return tuple(s[:-1]) + (self.units,)


def gestures(n, steps=16):
    rng = np.random.RandomState(88)
    label = rng.randint(0, 3, n)
    t = np.linspace(0, 1, steps)
    shapes = np.stack([np.sin(2 * np.pi * t), np.sign(t - 0.5), np.abs(4 * t - 2) - 1])
    acc = shapes[label][..., None] * rng.uniform(0.7, 1.3, (n, 1, 3)) + 0.4 * rng.randn(n, steps, 3)
    return acc.reshape(n, -1).astype("float32"), label


def count_bits(model):
    return sum(int(tf.size(l.latent)) for l in model.layers if isinstance(l, BinaryDense))


keras.utils.set_random_seed(88)
x, y = gestures(450)
net = keras.Sequential([
    keras.Input((x.shape[1],)),
    BinaryDense(48, binary_input=False),
    layers.BatchNormalization(),
    BinaryDense(32),
    layers.BatchNormalization(),
    layers.Dense(3),
])
net.compile(optimizer=keras.optimizers.Adam(0.01),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
log = net.fit(x, y, epochs=6, batch_size=30, validation_split=0.2, verbose=0)
print("loss", [round(v, 3) for v in log.history["loss"]])
print("val acc", [round(v, 2) for v in log.history["val_accuracy"]], "binary weights", count_bits(net))
pred = np.argmax(net.predict(x[-5:], verbose=0), axis=1)
print("last five", pred.tolist(), y[-5:].tolist())
