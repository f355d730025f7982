import math

import numpy as np
import tensorflow as tf


class Normal:
    def __init__(self, loc, scale):
        self.loc, self.scale = loc, scale

    def log_prob(self, x):
        z = (x - self.loc) / self.scale
        return -0.5 * tf.square(z) - tf.math.log(self.scale) - 0.5 * math.log(2 * math.pi)


class JointSequential:
    """list of distributions or functions of the previous values, like JointDistributionSequential"""

    def __init__(self, model):
        self.model = model

    def log_prob(self, *values):
        total = 0.0
        for k, (dist, x) in enumerate(zip(self.model, values)):
            if callable(dist):
                dist = dist(*values[:k])
            total += tf.reduce_sum(dist.log_prob(x))
        return total


loc_1 = tf.Variable(30.0, name="loc_1")
logscale_1 = tf.Variable(2.3, name="logscale_1")
loc_2 = tf.Variable(4.0, name="loc_2")
logscale_2 = tf.Variable(1.4, name="logscale_2")
slope = tf.Variable(1.0, name="slope")
lognoise = tf.Variable(1.0, name="lognoise")
params = [loc_1, logscale_1, loc_2, logscale_2, slope, lognoise]


def make_joint():
    return JointSequential([
        Normal(loc=loc_1, scale=tf.exp(logscale_1)),
        Normal(loc=loc_2, scale=tf.exp(logscale_2)),
        lambda b0, b1: Normal(loc=b0 + slope * b1, scale=tf.exp(lognoise)),
    ])


# households: base consumption, number of persons, total consumption
rng = np.random.default_rng(0)
base = rng.normal(38.6, 5.0, 300)
size = rng.normal(6.6, 1.2, 300)
total = base + 3.0 * size + rng.normal(0, 1.5, 300)
observed = [tf.constant(v, tf.float32) for v in (base, size, total)]

opt = tf.keras.optimizers.Adam(0.1)
for step in range(200):
    with tf.GradientTape() as tape:
        joint = make_joint()
        nll = -joint.log_prob(*observed) / 300.0
    grads = tape.gradient(nll, params)
    opt.apply_gradients(zip(grads, params))
    if step % 50 == 0:
        print("step", step, "nll", round(float(nll), 3))
for p in params:
    print(p.name, round(float(p), 2))
