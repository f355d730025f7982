import argparse

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


class InstanceNormalization(layers.Layer):
    def build(self, input_shape):
        self.gamma = self.add_weight(name="gamma", shape=(input_shape[-1],), initializer="ones")
        self.beta = self.add_weight(name="beta", shape=(input_shape[-1],), initializer="zeros")

    def call(self, x):
        mean, var = tf.nn.moments(x, axes=[1, 2, 3], keepdims=True)
        return self.gamma * (x - mean) / tf.sqrt(var + 1e-5) + self.beta


def conv_block(x, filters):
    for _ in range(2):
        x = layers.Conv3D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.LeakyReLU()(InstanceNormalization()(x))
    return x


def unet(input_shape, filters):
    inp = keras.Input(input_shape)
    skip = conv_block(inp, filters)
    x = conv_block(layers.MaxPooling3D()(skip), 2 * filters)
    x = layers.Concatenate()([layers.UpSampling3D()(x), skip])
    x = conv_block(x, filters)
    return keras.Model(inp, layers.Conv3D(1, 1, activation="sigmoid")(x))


def dice_coefficient(y_true, y_pred, smooth=1.0, threshold=None):
    """threshold: every voxel above it counts as ionized"""
    if threshold is not None:
        y_pred = tf.cast(y_pred > threshold, tf.float32)
    axes = (1, 2, 3, 4)
    intersection = tf.reduce_sum(y_true * y_pred, axis=axes)
    union = tf.reduce_sum(y_true, axis=axes) + tf.reduce_sum(y_pred, axis=axes)
    return (2.0 * intersection + smooth) / (union + smooth)


def weighted_dice_loss(hparams):
    def loss(y_true, y_pred):
        return 1.0 - dice_coefficient(y_true, y_pred, smooth=hparams["smooth"])

    return loss


def recovered_fraction(hparams):
    def recovered(y_true, y_pred):
        return tf.reduce_mean(dice_coefficient(y_true, y_pred, threshold=hparams["dice_threshold"]))

    return recovered


def lightcones(n, size=8, seed=0):
    rs = np.random.RandomState(seed)
    grid = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), -1)
    centers = rs.uniform(1, size - 1, (n, 2, 1, 1, 1, 3))
    ionized = (np.sqrt(((grid - centers) ** 2).sum(-1)) < 2.2).any(1)
    brightness = np.where(ionized, 0.0, 1.0) + 0.3 * rs.normal(size=ionized.shape)
    return brightness[..., None].astype("float32"), ionized[..., None].astype("float32")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--dice_threshold", type=float, default=0.5)
    parser.add_argument("--smooth", type=float, default=1.0)
    parser.add_argument("--filters", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=4)
    hparams = vars(parser.parse_args())

    keras.utils.set_random_seed(0)
    x, y = lightcones(32)
    model = unet(x.shape[1:], hparams["filters"])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=weighted_dice_loss(hparams), metrics=[recovered_fraction(hparams)])
    model.fit(x, y, batch_size=8, epochs=hparams["epochs"], verbose=2)
