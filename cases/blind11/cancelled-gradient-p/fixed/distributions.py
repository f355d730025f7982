import math

import tensorflow as tf


class DiagNormal:
    def __init__(self, loc, log_std):
        self.loc = loc
        self.log_std = log_std

    def sample(self):
        eps = tf.random.normal(tf.shape(self.loc))
        return self.loc + tf.exp(self.log_std) * eps

    def log_prob(self, x):
        z = (x - self.loc) / tf.exp(self.log_std)
        return -tf.reduce_sum(0.5 * z ** 2 + self.log_std + 0.5 * math.log(2 * math.pi), axis=-1)

    def entropy(self):
        return tf.reduce_sum(self.log_std + 0.5 * math.log(2 * math.pi * math.e))
