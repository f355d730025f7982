"""Triplet training of a product embedding."""
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers, regularizers

emb_size = 8


class TripletNet:
    def __init__(self, n_features, reg=1e-3, margin=0.5, lr=0.001):
        self.encoder = self.make_encoder(n_features, reg)
        ins = [layers.Input((n_features,), name=n) for n in ('anchor', 'positive', 'negative')]
        out = layers.Concatenate(axis=1)([self.encoder(i) for i in ins])
        self.model = keras.Model(ins, out)
        optimizer = keras.optimizers.Adam(learning_rate=lr)
        self.model.compile(loss=self.triplet_loss(alpha=margin), optimizer=optimizer)

    @staticmethod
    def make_encoder(n_features, reg):
        l2 = regularizers.l2(reg)
        return keras.Sequential([
            layers.Input((n_features,)),
            layers.Dense(32, activation='relu', use_bias=False, kernel_regularizer=l2),
            layers.Dense(emb_size, use_bias=False, kernel_regularizer=l2),
        ])

    def triplet_loss(self, alpha):
        def loss(y_true, y_pred):
            anc, pos, neg = y_pred[:, :emb_size], y_pred[:, emb_size:2 * emb_size], y_pred[:, 2 * emb_size:]
            distance1 = tf.sqrt(tf.reduce_sum(tf.pow(anc - pos, 2), 1, keepdims=True) + 1e-9)
            distance2 = tf.sqrt(tf.reduce_sum(tf.pow(anc - neg, 2), 1, keepdims=True) + 1e-9)
            return tf.reduce_mean(tf.maximum(distance1 - distance2 + alpha, 0.))
        return loss

    def fit(self, sampler, iterations, batch_size):
        for it in range(1, iterations + 1):
            data = sampler(batch_size)
            train_loss = self.model.train_on_batch(data)
            if it % 20 == 0 or it == 1:
                print('Iteration %d/%d: Train loss: %f' % (it, iterations, train_loss))


class Products:
    def __init__(self, categories=10, n_features=24, seed=19):
        self.rng = np.random.default_rng(seed)
        self.mean = self.rng.normal(size=(categories, n_features))

    def item(self, c):
        return self.mean[c] + 0.7 * self.rng.normal(size=self.mean[c].shape)

    def __call__(self, n):
        c = np.array([self.rng.choice(len(self.mean), 2, replace=False) for _ in range(n)])
        trip = self.item(c[:, 0]), self.item(c[:, 0]), self.item(c[:, 1])
        return [t.astype('float32') for t in trip]


keras.utils.set_random_seed(19)
products = Products()
net = TripletNet(24)
net.fit(products, iterations=100, batch_size=32)

a, p, n = (net.encoder(v) for v in products(500))
closer = tf.norm(a - p, axis=1) < tf.norm(a - n, axis=1)
print('triplets in order: %.3f' % float(tf.reduce_mean(tf.cast(closer, tf.float32))))
