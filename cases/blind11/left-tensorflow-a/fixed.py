# Face descriptors on top of a convolutional net. The normalisation is the numpy one we use at enrolment time.
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras.layers import Conv2D, Dense, Flatten, Input, Lambda, MaxPooling2D
from tensorflow.keras.models import Model


def small_vgg(input_shape=(32, 32, 3)):
    img = Input(input_shape)
    x = img
    for i, filters in enumerate([8, 16]):
        x = Conv2D(filters, 3, padding='same', activation='relu', name='block%d_conv1' % (i + 1))(x)
        x = MaxPooling2D(name='block%d_pool' % (i + 1))(x)
    x = Flatten(name='flatten')(x)
    x = Dense(24, name='fc7')(x)
    return Model(img, x, name='vgg_small')


def unit_length(v):
    """same as enrol.py"""
    n = np.sqrt(np.sum(v * v, axis=-1, keepdims=True)) + 1e-8
    return (v / n).astype(np.float32)


def normalise(x):
    return x / (tf.sqrt(tf.reduce_sum(x * x, axis=-1, keepdims=True)) + 1e-8)


np.random.seed(0)
tf.random.set_seed(0)
who = np.random.randint(0, 5, 200)
proto = np.random.rand(5, 32, 32, 3)
x_train = (proto[who] + 0.2 * np.random.rand(200, 32, 32, 3)).astype(np.float32)
y_train = keras.utils.to_categorical(who, 5)

net = small_vgg()
out1 = Lambda(normalise, name='unit')(net.outputs[0])
out2 = Dense(5, activation='softmax', name='who')(out1)

facenet = Model(net.inputs, out2)
facenet.compile(loss='categorical_crossentropy', optimizer=keras.optimizers.Adam(1e-3), metrics=['accuracy'])
before = net.get_layer('fc7').get_weights()[0].copy()
facenet.fit(x_train, y_train, epochs=4, batch_size=20, verbose=2)
print('fc7 moved by', np.abs(net.get_layer('fc7').get_weights()[0] - before).max())
