import tensorflow as tf


class GradientPenalty:
    """Two sided penalty of WGAN-GP, evaluated on straight lines real -> fake."""

    def __init__(self, critic, weight, target=1.0):
        self.critic, self.weight, self.target = critic, weight, target

    def mix(self, real, fake):
        eps = tf.random.uniform([tf.shape(real)[0], 1])
        return real + eps * (fake - real)

    def __call__(self, real, fake):
        between = self.mix(real, fake)
        with tf.GradientTape() as inner:
            inner.watch(real)
            score = self.critic(between)
        slope = inner.gradient(score, between)
        norm = tf.sqrt(tf.reduce_sum(tf.square(slope), axis=1) + 1e-12)
        return self.weight * tf.reduce_mean(tf.square(norm - self.target))
