import numpy as np
import tensorflow as tf


def hinge_d(real, fake):
    return tf.reduce_mean(tf.nn.relu(1.0 - real)) + tf.reduce_mean(tf.nn.relu(1.0 + fake))


def hinge_g(fake):
    return -tf.reduce_mean(fake)


class Meter:
    def __init__(self):
        self.rows = []

    def add(self, logs):
        self.rows.append({k: v.numpy() for k, v in logs.items()})

    def summary(self):
        return {k: round(float(np.mean([r[k] for r in self.rows])), 4) for k in self.rows[0]}
