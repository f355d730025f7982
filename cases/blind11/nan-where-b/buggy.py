"""Polymer chains: each segment feels a force x, its extension is the Langevin-like f(x) = 1/(1-exp(-x)) - 1/x.
Chains have different lengths; short ones are padded with zero rows."""
import numpy as np
import tensorflow as tf
from tensorflow import keras

MAX_LEN = 9
OFFSET = 50.


def f(x):
    # series around zero, f(0) = 0.5
    return tf.where(tf.abs(x) < 0.1, 0.5 + x / 12, 1 / (1 - tf.exp(-x)) - 1 / x)


class ExtensionLoss(keras.losses.Loss):
    def call(self, y_true, force):
        target, weight = y_true[..., 0], y_true[..., 1]
        ext = f(force[..., 0]) + f(force[..., 0] + OFFSET)
        err = tf.square(ext - target) * weight
        return tf.reduce_sum(err, axis=-1) / tf.reduce_sum(weight, axis=-1)


def chains(n, seed):
    rng = np.random.default_rng(seed)
    x = np.zeros((n, MAX_LEN, 3), 'float32')
    y = np.zeros((n, MAX_LEN, 2), 'float32')
    for i in range(n):
        length = rng.integers(3, MAX_LEN + 1)
        seg = rng.normal(size=(length, 3))
        force = 2 * seg[:, 0] + seg[:, 1] * seg[:, 2]
        force = np.where(np.abs(force) < 1e-3, 1e-3, force)
        x[i, :length] = seg
        y[i, :length, 0] = 1 / (1 - np.exp(-force)) - 1 / force + 1 - 1 / (force + OFFSET)
        y[i, :length, 1] = 1
    return x, y


keras.utils.set_random_seed(12)
net = keras.Sequential([keras.Input((MAX_LEN, 3)),
                        keras.layers.Dense(32, activation='tanh'),
                        keras.layers.Dense(1)])
net.compile(keras.optimizers.Adam(5e-3), loss=ExtensionLoss())
train, val = chains(256, 0), chains(64, 1)


class Report(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print('Epoch: %d    train_loss: %.6f    val_loss: %.6f' % (epoch, logs['loss'], logs['val_loss']))


net.fit(*train, validation_data=val, epochs=6, batch_size=32, verbose=0, callbacks=[Report()])
