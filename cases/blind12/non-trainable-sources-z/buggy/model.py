import tensorflow as tf
from tensorflow.keras.layers import Add, BatchNormalization, Conv2D, Dense, Flatten, Input, LeakyReLU, UpSampling2D
from tensorflow.keras.models import Model


def get_G(input_shape):
    nin = Input(input_shape)
    n = Conv2D(8, 3, padding="same", activation="relu")(nin)
    temp = n
    for _ in range(2):
        nn = Conv2D(8, 3, padding="same", use_bias=False)(n)
        nn = BatchNormalization()(nn)
        nn = tf.keras.layers.Activation("relu")(nn)
        nn = Conv2D(8, 3, padding="same", use_bias=False)(nn)
        nn = BatchNormalization()(nn)
        n = Add()([n, nn])
    n = Add()([n, temp])
    n = UpSampling2D(2)(n)
    n = Conv2D(8, 3, padding="same", activation="relu")(n)
    nout = Conv2D(3, 1, padding="same", activation="tanh")(n)
    return Model(nin, nout, name="generator")


def get_D(input_shape):
    nin = Input(input_shape)
    n = Conv2D(8, 4, strides=2, padding="same")(nin)
    n = LeakyReLU(0.2)(n)
    n = Conv2D(16, 4, strides=2, padding="same")(n)
    n = LeakyReLU(0.2)(n)
    return Model(nin, Dense(1)(Flatten()(n)), name="discriminator")
