"""Spatial transformer for cluttered glyphs (Jaderberg et al. 2015)."""
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


def affine_grid(height, width, theta):
    theta = tf.reshape(theta, (-1, 2, 3))
    xs, ys = tf.meshgrid(tf.linspace(-1., 1., width), tf.linspace(-1., 1., height))
    coords = tf.stack([tf.reshape(xs, [-1]), tf.reshape(ys, [-1]), tf.ones(height * width)])
    grid = tf.einsum('bij,jn->bin', theta, coords)
    return tf.reshape(grid[:, 0], (-1, height, width)), tf.reshape(grid[:, 1], (-1, height, width))


def bilinear_sampler(img, x, y):
    h, w = img.shape[1], img.shape[2]
    x = 0.5 * (x + 1.) * (w - 1)
    y = 0.5 * (y + 1.) * (h - 1)
    x0, y0 = tf.floor(x), tf.floor(y)
    out = 0.
    for dx in (0., 1.):
        for dy in (0., 1.):
            weight = (1 - tf.abs(x - (x0 + dx))) * (1 - tf.abs(y - (y0 + dy)))
            ix = tf.cast(tf.clip_by_value(x0 + dx, 0, w - 1), tf.int32)
            iy = tf.cast(tf.clip_by_value(y0 + dy, 0, h - 1), tf.int32)
            out += weight[..., None] * tf.gather_nd(img, tf.stack([iy, ix], -1), batch_dims=1)
    return out


class SpatialTransformer(layers.Layer):
    def call(self, inputs):
        img, theta = inputs
        return bilinear_sampler(img, *affine_grid(img.shape[1], img.shape[2], theta))


class STNClassifier(keras.Model):
    def __init__(self, n_class):
        super().__init__()
        # localisation network, starts from the identity
        self.loc = keras.Sequential([
            layers.Flatten(),
            layers.Dense(20, activation='tanh'),
            layers.Dense(6, kernel_initializer=keras.initializers.RandomNormal(stddev=1e-2),
                         bias_initializer=keras.initializers.Constant([.95, 0, .02, 0, .95, .02])),
        ], name='loc')
        self.stn = SpatialTransformer(name='stn')
        self.cnn = keras.Sequential([
            layers.Conv2D(8, 3, activation='relu'), layers.MaxPooling2D(),
            layers.Flatten(), layers.Dense(n_class),
        ], name='cnn')

    def call(self, x):
        theta = self.loc(x)
        h_trans = self.stn([x, theta])
        y_logits = self.cnn(h_trans)
        return y_logits


def cluttered(n, seed):
    rng = np.random.default_rng(seed)
    glyphs = (np.random.default_rng(99).random((4, 7, 7)) > 0.5).astype('float32')
    label = rng.integers(4, size=n)
    img = 0.15 * rng.random((n, 16, 16, 1)).astype('float32')
    for i, g in enumerate(label):
        r, c = rng.integers(0, 9, size=2)
        img[i, r:r + 7, c:c + 7, 0] += glyphs[g]
    return img, label


keras.utils.set_random_seed(23)
x, y = cluttered(400, 0)
model = STNClassifier(4)
model.compile(optimizer=keras.optimizers.Adam(2e-3),
              loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])
model.fit(x, y, batch_size=40, epochs=6, verbose=2)
theta = model.loc(x[:200]).numpy()
print('spread of the transformations', theta.std(axis=0).round(4))
