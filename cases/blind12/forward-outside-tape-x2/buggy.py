import math
import os

os.environ['TF_USE_LEGACY_KERAS'] = '1'

import tensorflow as tf


class MaternThreeHalves:
    def __init__(self, amplitude, length_scale):
        self.amplitude, self.length_scale = amplitude, length_scale

    def matrix(self, a, b):
        dist = tf.abs(a - tf.transpose(b))
        s = math.sqrt(3.) * dist / self.length_scale
        return self.amplitude ** 2 * (1. + s) * tf.exp(-s)


class GaussianProcess:
    """Marginal distribution of a GP at finitely many points"""

    def __init__(self, kernel, index_points, observation_noise_variance=1., jitter=1e-5):
        self.kernel = kernel
        self.index_points = index_points
        n = index_points.shape[0]
        covariance = kernel.matrix(index_points, index_points)
        covariance += (observation_noise_variance + jitter) * tf.eye(n)
        self._n = n
        self._chol = tf.linalg.cholesky(covariance)

    def log_prob(self, y):
        alpha = tf.linalg.triangular_solve(self._chol, y[:, None])
        log_det = 2. * tf.reduce_sum(tf.math.log(tf.linalg.diag_part(self._chol)))
        return -0.5 * (tf.reduce_sum(alpha ** 2) + log_det + self._n * math.log(2. * math.pi))


# Toys data
# ------------------------------------------------------------------------------------
tf.random.set_seed(4)
x = tf.linspace(0., 10., 50)
y = 2. * x + tf.random.normal([50])
x_ = tf.reshape(x, [-1, 1])

# Model definition
# ------------------------------------------------------------------------------------
amplitude = tf.Variable(10., name="amplitude")
length_scale = tf.Variable(0.5, name="length_scale")
k = MaternThreeHalves(amplitude=amplitude, length_scale=length_scale)
gp = GaussianProcess(kernel=k, index_points=x_)

# Optimization
# ------------------------------------------------------------------------------------
loss = lambda: -gp.log_prob(y)
opt = tf.optimizers.Adam(learning_rate=0.1)
losses = []
for i in range(151):
    opt.minimize(loss, var_list=[amplitude, length_scale])
    if i % 50 == 0:
        losses.append(float(loss()))
        print(i, losses[-1])

print('amplitude', amplitude.numpy(), 'length scale', length_scale.numpy())
