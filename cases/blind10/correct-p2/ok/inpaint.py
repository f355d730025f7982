import keras
import tensorflow as tf
from keras import layers

SIZE, HOLE = 16, 6


def hole_mask(n):
    """Square hole in the middle; constant, no gradient needed."""
    side = (SIZE - HOLE) // 2
    return tf.tile(tf.pad(tf.ones([1, HOLE, HOLE, 1]), [[0, 0], [side, side], [side, side], [0, 0]]), [n, 1, 1, 1])


def Inpainter():
    inp = keras.Input((SIZE, SIZE, 2))
    h = layers.Conv2D(12, 3, padding="same", activation="elu")(inp)
    for rate in (2, 4):
        h = layers.Conv2D(12, 3, padding="same", dilation_rate=rate, activation="elu")(h)
    return keras.Model(inp, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(h), name="painter")


def Discriminator():
    return keras.Sequential([
        layers.Input((SIZE, SIZE, 1)),
        layers.Conv2D(8, 4, strides=2), layers.LeakyReLU(negative_slope=0.2),
        layers.Conv2D(8, 4, strides=2), layers.LeakyReLU(negative_slope=0.2),
        layers.Flatten(), layers.Dense(1, use_bias=False),
    ], name="disc")
