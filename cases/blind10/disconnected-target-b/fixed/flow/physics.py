import math

import tensorflow as tf


def initial_profile(x):
    return tf.sin(math.pi * x)


class AdvectionProblem:
    """Residual + initial condition for u_t + c u_x = 0 on [-1, 1] x [0, 1]."""

    def __init__(self, field, cfg):
        self.speed = cfg["speed"]
        self.w_ic = cfg["ic_weight"]
        self.field = field

    def residual(self, x, t):
        with tf.GradientTape() as g:
            g.watch([x, t])
            u = self.field(x, t)
        u_x, u_t = g.gradient(u, [x, t])
        return u_t + self.speed * u_x

    def loss(self, x, t):
        x0 = x[: x.shape[0] // 2]
        ic = self.field(x0, tf.zeros_like(x0)) - initial_profile(x0)
        return tf.reduce_mean(self.residual(x, t) ** 2) + self.w_ic * tf.reduce_mean(ic**2)
