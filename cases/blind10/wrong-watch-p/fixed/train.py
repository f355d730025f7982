import numpy as np
import tensorflow as tf
import keras

from nets import Critic, Generator
from penalty import GradientPenalty

keras.utils.set_random_seed(8)
NOISE, STEPS, N_CRITIC = 4, 25, 2


def returns_windows(n=512, length=16):
    """Heavy tailed daily returns with volatility clustering."""
    rng = np.random.RandomState(1)
    out = np.empty((n, length), "float32")
    for i in range(n):
        vol = 1.0
        for t in range(length):
            out[i, t] = vol * rng.standard_t(5) * 0.1
            vol = 0.6 + 0.4 * vol * (1 + 2 * abs(out[i, t]))
    return out


class WGAN:
    def __init__(self, length):
        self.gen, self.critic = Generator(length), Critic()
        self.g_opt = keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.9)
        self.c_opt = keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.9)
        self.penalty = GradientPenalty(self.critic, weight=10.0)

    def critic_step(self, real):
        fake = self.gen(tf.random.normal([len(real), NOISE]))
        with tf.GradientTape() as tape:
            gap = tf.reduce_mean(self.critic(fake)) - tf.reduce_mean(self.critic(real))
            loss = gap + self.penalty(real, fake)
        grads = tape.gradient(loss, self.critic.trainable_variables)
        self.c_opt.apply_gradients(zip(grads, self.critic.trainable_variables))
        return -gap

    def generator_step(self, n):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(self.critic(self.gen(tf.random.normal([n, NOISE]))))
        grads = tape.gradient(loss, self.gen.trainable_variables)
        self.g_opt.apply_gradients(zip(grads, self.gen.trainable_variables))
        return loss


if __name__ == "__main__":
    windows = returns_windows()
    data = iter(tf.data.Dataset.from_tensor_slices(windows).shuffle(512, seed=2).repeat().batch(64))
    gan = WGAN(windows.shape[1])
    for step in range(STEPS):
        for _ in range(N_CRITIC):
            distance = gan.critic_step(next(data))
        g_loss = gan.generator_step(64)
        if step % 8 == 0:
            print(step, "W %.4f  G %.4f" % (float(distance), float(g_loss)))
