"""Fraud detection with very few positives: focal loss instead of class weights."""
import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Sequential


def focal_loss(gamma=2., alpha=.25):
    def focal_loss_fixed(y_true, y_pred):
        pt_1 = tf.where(tf.equal(y_true, 1), y_pred, tf.ones_like(y_pred))
        pt_0 = tf.where(tf.equal(y_true, 0), y_pred, tf.zeros_like(y_pred))
        return -K.mean(alpha * K.pow(1. - pt_1, gamma) * K.log(pt_1 + K.epsilon())) \
            - K.mean((1 - alpha) * K.pow(pt_0, gamma) * K.log(1. - pt_0 + K.epsilon()))
    return focal_loss_fixed


class Transactions:
    columns = ['amount', 'age_days', 'n_cards', 'distance', 'night']

    def __init__(self, n, rate=0.04, seed=77):
        rng = np.random.default_rng(seed)
        self.y = (rng.random(n) < rate).astype('float32').reshape(-1, 1)
        self.x = np.column_stack([rng.lognormal(4, 1.2, n) * (1 + 2 * self.y[:, 0]),
                                  rng.integers(1, 3000, n) / (1 + 4 * self.y[:, 0]),
                                  rng.integers(1, 5, n),
                                  rng.exponential(30, n),
                                  rng.random(n) < 0.2 + 0.4 * self.y[:, 0]]).astype('float32')


def make_model(n_in):
    model = Sequential([Input((n_in,)),
                        Dense(32, activation='relu'),
                        Dense(16, activation='relu'),
                        Dense(1, activation='sigmoid')])
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-3), loss=[focal_loss(alpha=.75, gamma=2)],
                  metrics=[tf.keras.metrics.AUC(name='auc')])
    return model


tf.keras.utils.set_random_seed(7)
data = Transactions(2000)
model = make_model(len(data.columns))
for epoch in range(4):
    # keep the share of fraud the same in each round
    order = np.random.permutation(len(data.y))
    h = model.fit(data.x[order], data.y[order], batch_size=64, verbose=0)
    print('epoch', epoch, {k: round(v[0], 4) for k, v in h.history.items()})
    if not np.isfinite(h.history['loss'][0]):
        break
