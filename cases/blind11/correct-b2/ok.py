"""Center loss (Wen et al. 2016) next to softmax. The centers are not trained: they follow the batch by a moving rule."""
import numpy as np
import tensorflow as tf
from tensorflow.keras import Input, Model, layers, optimizers, regularizers, utils


class CenterLossLayer(layers.Layer):
    def __init__(self, num_classes, alpha=0.5, weight=0.05, **kwargs):
        super().__init__(**kwargs)
        self.num_classes, self.alpha, self.weight = num_classes, alpha, weight

    def build(self, input_shape):
        self.centers = self.add_weight(name='centers', shape=(self.num_classes, input_shape[0][-1]),
                                       initializer='uniform', trainable=False)

    def call(self, x, training=None):
        features, one_hot = x
        if training:
            # equation (4) of the paper
            gap = tf.matmul(one_hot, tf.matmul(one_hot, self.centers) - tf.stop_gradient(features), transpose_a=True)
            count = tf.reduce_sum(one_hot, axis=0)[:, None] + 1
            self.centers.assign(self.centers - self.alpha * gap / count)
        own = tf.stop_gradient(tf.matmul(one_hot, self.centers))
        self.add_loss(self.weight * tf.reduce_mean(tf.reduce_sum(tf.square(features - own), axis=1)))
        return features


def my_model(n_in, num_classes, features=2):
    x, labels = Input((n_in,)), Input((num_classes,), name='labels')
    h = layers.Dense(32, kernel_regularizer=regularizers.l2(1e-4))(x)
    h = layers.PReLU()(h)
    h = layers.Dense(features, name='side_out')(h)
    h = CenterLossLayer(num_classes, name='centerloss')([h, labels])
    out = layers.Dense(num_classes, activation='softmax', name='softmax')(h)
    return Model([x, labels], out)


def digits(n, num_classes, dim=20, seed=0):
    proto = np.random.default_rng(50).normal(size=(num_classes, dim))
    rng = np.random.default_rng(seed)
    c = rng.integers(num_classes, size=n)
    return (proto[c] + 0.6 * rng.normal(size=(n, dim))).astype('float32'), c


utils.set_random_seed(8)
K = 5
x, c = digits(500, K)
y = utils.to_categorical(c, K)
model = my_model(20, K)
model.compile(optimizer=optimizers.SGD(0.1, momentum=0.9), loss={'softmax': 'categorical_crossentropy'},
              metrics=['accuracy'])
start = model.get_layer('centerloss').centers.numpy().copy()
h = model.fit([x, y], y, batch_size=50, epochs=8, verbose=0)
print('loss', [round(v, 3) for v in h.history['loss']])
print('accuracy', round(h.history['accuracy'][-1], 3))
print('centers moved by', float(np.abs(model.get_layer('centerloss').centers.numpy() - start).max()))
