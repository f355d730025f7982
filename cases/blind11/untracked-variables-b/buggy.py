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


def multi_task_loss(n_tasks):
    log_vars = tf.Variable(tf.zeros(n_tasks), trainable=True, name='log_vars')

    def loss(y_true, y_pred):
        precision = tf.exp(-log_vars)
        return tf.reduce_sum(precision * tf.square(y_true - y_pred) + log_vars, axis=-1)

    loss.log_vars = log_vars
    return loss


def forecaster(n_tasks):
    inp = keras.Input((3,))
    h = keras.layers.Dense(24, activation='tanh')(inp)
    return keras.Model(inp, keras.layers.Dense(n_tasks)(h))


keras.utils.set_random_seed(3)
x, y = synthetic()
model = forecaster(2)
joint = multi_task_loss(2)
model.compile(keras.optimizers.Adam(0.02), loss=joint)
hist = model.fit(x, y, epochs=12, batch_size=50, verbose=0)
print('loss', [round(v, 1) for v in hist.history['loss']])
print('log_vars', joint.log_vars.numpy())
