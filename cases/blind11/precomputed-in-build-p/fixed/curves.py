"""Discount curve as a tf.Module, parametrised by its forward rates."""
import tensorflow as tf


class DiscountCurve(tf.Module):
    def __init__(self, phi, dt=0.5, name=None):
        super().__init__(name=name)
        self.dt = dt
        self.phi = phi

    @property
    def log_df(self):
        # positive forward rates, one per half year
        forwards = tf.nn.softplus(self.phi)
        return -tf.cumsum(forwards) * self.dt

    @tf.Module.with_name_scope
    def discount(self, index):
        return tf.exp(tf.gather(self.log_df, index))

    def par_rate(self, n):
        df = self.discount(tf.range(n))
        return (1.0 - df[-1]) / (self.dt * tf.reduce_sum(df))
