import numpy as np
import tensorflow as tf

tf.random.set_seed(0)
DTYPE = tf.float64


class GaussianProcess:
    """RBF kernel GP whose hyperparameters are learned on minibatches of the nll."""

    def __init__(self, X, Y, learning_rate=0.05, batch_size=40):
        self.X, self.Y = X, Y
        self.batch_size = batch_size
        self.rng = np.random.default_rng(0)
        log_length = tf.Variable(1.0, dtype=DTYPE, name="log_length")
        log_amp = tf.Variable(0.0, dtype=DTYPE, name="log_amp")
        log_noise = tf.Variable(-1.0, dtype=DTYPE, name="log_noise")
        self.hyperparameters = [log_length, log_amp, log_noise]
        self.bounds = [(-3.0, 3.0), (-3.0, 3.0), (-5.0, 1.0)]
        self.project()
        self.adam = tf.keras.optimizers.Adam(learning_rate)

    def project(self):
        """keep every hyperparameter in its box"""
        for k, (lo, hi) in enumerate(self.bounds):
            self.hyperparameters[k].assign(tf.clip_by_value(self.hyperparameters[k], lo, hi))

    def get_minibatch(self):
        idx = self.rng.choice(len(self.X), self.batch_size, replace=False)
        return self.X[idx], self.Y[idx]

    def nll(self, X, Y):
        length, amp, noise = [tf.exp(h) for h in self.hyperparameters]
        sq = tf.reduce_sum((X[:, None] - X[None]) ** 2, -1)
        K = amp ** 2 * tf.exp(-0.5 * sq / length ** 2) + (noise ** 2 + 1e-6) * tf.eye(len(X), dtype=DTYPE)
        L = tf.linalg.cholesky(K)
        alpha = tf.linalg.cholesky_solve(L, Y)
        return 0.5 * tf.reduce_sum(Y * alpha) + tf.reduce_sum(tf.math.log(tf.linalg.diag_part(L)))

    def fit(self, steps=40):
        for step in range(steps):
            X_batch, Y_batch = self.get_minibatch()
            with tf.GradientTape() as tape:
                tape.watch(self.hyperparameters)
                loss = self.nll(X=X_batch, Y=Y_batch)
            gradients = tape.gradient(loss, self.hyperparameters)
            self.adam.apply_gradients(zip(gradients, self.hyperparameters))
            self.project()
            if step % 10 == 0:
                print(step, round(float(loss), 3), [round(float(h), 3) for h in self.hyperparameters])


rng = np.random.default_rng(4)
X = rng.uniform(-4, 4, size=(200, 1))
Y = np.sin(1.7 * X) + 0.15 * rng.normal(size=X.shape)
GaussianProcess(X, Y).fit()
