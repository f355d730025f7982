import numpy as np
import tensorflow as tf
from tensorflow import keras


class EnvelopeNet(keras.Model):
    """MLP y(x, nu) fitted to data and to the residual  y * y_x - nu * y_xx = 0."""

    def __init__(self, units=(24, 24), weight=0.1, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [keras.layers.Dense(u, activation="tanh") for u in units]
        self.out = keras.layers.Dense(1)
        self.weight = weight
        self.mse_tracker = keras.metrics.Mean(name="mse")
        self.res_tracker = keras.metrics.Mean(name="residual")

    def call(self, inputs):
        h = inputs
        for layer in self.hidden:
            h = layer(h)
        return self.out(h)

    def residual(self, x):
        with tf.GradientTape() as tape2:
            tape2.watch(x)
            with tf.GradientTape() as tape1:
                tape1.watch(x)
                y = self(x)
            dy_dx = tf.gather(tape1.gradient(y, x), [0], axis=1)
        d2y_dx2 = tf.gather(tape2.gradient(dy_dx, x), [0], axis=1)
        return y * dy_dx - x[:, 1:2] * d2y_dx2

    def train_step(self, data):
        x, y_true = data
        with tf.GradientTape() as tape:
            mse = tf.reduce_mean(tf.square(y_true - self(x, training=True)))
            r = self.residual(x)
            loss = mse + self.weight * tf.reduce_mean(tf.square(r))
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        self.mse_tracker.update_state(mse)
        self.res_tracker.update_state(tf.reduce_mean(tf.square(r)))
        return {m.name: m.result() for m in self.metrics}

    @property
    def metrics(self):
        return [self.mse_tracker, self.res_tracker]


keras.utils.set_random_seed(2)
x = np.random.uniform(-1, 1, size=(512, 1))
nu = np.random.uniform(0.3, 0.8, size=(512, 1))
# steady viscous shock
y = -np.tanh(x / (2 * nu))
features = np.concatenate([x, nu], axis=1).astype("float32")

model = EnvelopeNet()
model.compile(optimizer=keras.optimizers.Adam(5e-3))
model.fit(features, y.astype("float32"), batch_size=64, epochs=6, verbose=2)
