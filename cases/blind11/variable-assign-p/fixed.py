"""Langevin sampling of the weights of a shallow Bayesian network."""
import numpy as np
import tensorflow as tf

np.random.seed(11)
tf.random.set_seed(11)


class ShallowNet(tf.keras.layers.Layer):
    """p(y|x, w): one hidden tanh unit per column of w1."""

    def __init__(self, hidden, dtype=tf.float64):
        super().__init__(dtype=dtype)
        self.hidden = hidden

    def build(self, input_shape):
        self.w1 = self.add_weight(name="w1", shape=(input_shape[-1], self.hidden))
        self.w2 = self.add_weight(name="w2", shape=(self.hidden, 1))
        self.built = True

    def call(self, x):
        return tf.matmul(tf.tanh(tf.matmul(x, self.w1)), self.w2)

    @property
    def n_params(self):
        return int(sum(np.prod(w.shape) for w in self.weights))

    def unpack(self, theta):
        n1 = int(np.prod(self.w1.shape))
        return tf.reshape(theta[:n1], self.w1.shape), tf.reshape(theta[n1:], self.w2.shape)


class LogPosterior:
    def __init__(self, net, x, y, noise=0.2):
        self.net, self.x, self.y, self.noise = net, x, y, noise

    def __call__(self, theta):
        w1, w2 = self.net.unpack(theta)
        mean = tf.matmul(tf.tanh(tf.matmul(self.x, w1)), w2)
        log_lik = -0.5 * tf.reduce_sum(tf.square((self.y - mean) / self.noise))
        log_prior = -0.5 * (tf.reduce_sum(tf.square(w1)) + tf.reduce_sum(tf.square(w2)))
        return log_lik + log_prior


def score(log_prob, theta):
    with tf.GradientTape() as tape:
        tape.watch(theta)
        lp = log_prob(theta)
    return lp, tape.gradient(lp, theta)


def langevin(log_prob, theta, n_samples=200, step=2e-4):
    samples = []
    for k in range(n_samples):
        lp, g = score(log_prob, theta)
        theta = theta + step * g + np.sqrt(2 * step) * tf.random.normal(theta.shape, dtype=theta.dtype)
        samples.append(theta.numpy())
        if k % 50 == 0:
            print("sample", k, "log posterior", round(float(lp), 2))
    return np.array(samples)


x = np.linspace(-2, 2, 60)[:, None]
y = np.tanh(2 * x) - 0.5 * np.tanh(x) + 0.1 * np.random.randn(60, 1)
net = ShallowNet(hidden=4)
net(tf.constant(x))
chain = langevin(LogPosterior(net, tf.constant(x), tf.constant(y)), tf.zeros([net.n_params], tf.float64) + 0.3)
print("posterior mean", chain[100:].mean(0).round(2))
