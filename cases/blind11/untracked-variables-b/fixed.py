"""Joint forecast of load (kW) and price; the weight of each task is learned (homoscedastic uncertainty)."""
import numpy as np
import tensorflow as tf
from tensorflow import keras


def synthetic(n=600, seed=3):
    rng = np.random.default_rng(seed)
    hour = rng.uniform(0, 24, n)
    temp = rng.normal(15, 8, n)
    x = np.stack([np.sin(hour * np.pi / 12), np.cos(hour * np.pi / 12), temp / 10], 1)
    load = 50 * x[:, 0] + 20 * np.abs(x[:, 2]) + rng.normal(0, 6, n)
    price = 0.3 * x[:, 1] + 0.1 * x[:, 2] + rng.normal(0, 0.05, n)
    return x.astype('float32'), np.stack([load, price], 1).astype('float32')


class TaskVariance(keras.layers.Layer):
    """appends the log variance of each task to its prediction"""

    def build(self, shape):
        self.log_vars = self.add_weight(name='log_vars', shape=(shape[-1],), initializer='zeros')

    def call(self, pred):
        return tf.stack([pred, tf.zeros_like(pred) + self.log_vars], axis=-1)


def multi_task_loss(y_true, y_pred):
    pred, log_vars = tf.unstack(y_pred, axis=-1)
    return tf.reduce_sum(tf.exp(-log_vars) * tf.square(y_true - pred) + log_vars, axis=-1)


def forecaster(n_tasks):
    inp = keras.Input((3,))
    h = keras.layers.Dense(24, activation='tanh')(inp)
    pred = keras.layers.Dense(n_tasks)(h)
    return keras.Model(inp, TaskVariance(name='variance')(pred))


keras.utils.set_random_seed(3)
x, y = synthetic()
model = forecaster(2)
model.compile(keras.optimizers.Adam(0.02), loss=multi_task_loss)
hist = model.fit(x, y, epochs=12, batch_size=50, verbose=0)
print('loss', [round(v, 1) for v in hist.history['loss']])
print('log_vars', model.get_layer('variance').log_vars.numpy())
