"""Conditional GAN for one-dimensional price paths. Generator and critic are updated alternately."""
import argparse

import keras
import numpy as np
import tensorflow as tf

STEPS = 16


def market_paths(n, rng):
    regime = rng.integers(0, 2, n)
    vol = np.where(regime == 0, 0.1, 0.4)[:, None]
    x = np.zeros((n, STEPS))
    for t in range(1, STEPS):
        x[:, t] = 0.8 * x[:, t - 1] + vol[:, 0] * rng.normal(size=n)
    return x.astype("float32"), regime.astype("int32")


class Generator(keras.Model):
    def __init__(self, hidden=32):
        super().__init__()
        self.regime = keras.layers.Embedding(2, 4)
        self.net = keras.Sequential(
            [keras.layers.Dense(hidden, "relu"), keras.layers.Dense(hidden, "relu"), keras.layers.Dense(STEPS)]
        )

    def call(self, noise, regime):
        return self.net(tf.concat([noise, self.regime(regime)], axis=-1))


class Critic(keras.Model):
    def __init__(self, hidden=32):
        super().__init__()
        self.regime = keras.layers.Embedding(2, 4)
        self.net = keras.Sequential(
            [keras.layers.Dense(hidden, "relu"), keras.layers.Dense(hidden, "relu"), keras.layers.Dense(1, use_bias=False)]
        )

    def call(self, path, regime):
        return self.net(tf.concat([path, self.regime(regime)], axis=-1))


class WassersteinTrainer:
    def __init__(self, latent, n_critic, gp):
        self.latent, self.n_critic, self.gp = latent, n_critic, gp
        self.G, self.D = Generator(), Critic()
        self.g_opt = keras.optimizers.Adam(1e-3, beta_1=0.5, beta_2=0.9)
        self.d_opt = keras.optimizers.Adam(1e-3, beta_1=0.5, beta_2=0.9)

    def noise(self, n):
        return tf.random.normal([n, self.latent])

    def penalty(self, real, fake, regime):
        eps = tf.random.uniform([tf.shape(real)[0], 1])
        mixed = eps * real + (1.0 - eps) * fake
        with tf.GradientTape() as tape:
            tape.watch(mixed)
            score = self.D(mixed, regime)
        slope = tape.gradient(score, mixed)
        norm = tf.sqrt(tf.reduce_sum(slope**2, axis=1) + 1e-12)
        return tf.reduce_mean((norm - 1.0) ** 2)

    def critic_step(self, real, regime):
        fake = self.G(self.noise(len(real)), regime)  # the generator is a constant here
        with tf.GradientTape() as tape:
            wdist = tf.reduce_mean(self.D(fake, regime)) - tf.reduce_mean(self.D(real, regime))
            loss = wdist + self.gp * self.penalty(real, fake, regime)
        grads = tape.gradient(loss, self.D.trainable_variables)
        self.d_opt.apply_gradients(zip(grads, self.D.trainable_variables))
        return -wdist

    def generator_step(self, regime):
        noise = self.noise(len(regime))
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(self.D(self.G(noise, regime), regime))
        grads = tape.gradient(loss, self.G.trainable_variables)
        self.g_opt.apply_gradients(zip(grads, self.G.trainable_variables))

    def train(self, rounds, batch, rng):
        for r in range(rounds):
            for _ in range(self.n_critic):
                real, regime = market_paths(batch, rng)
                gap = self.critic_step(tf.constant(real), tf.constant(regime))
            self.generator_step(tf.constant(regime))
            if r % 10 == 0:
                sample = self.G(self.noise(200), np.ones(200, "int32")).numpy()
                print(f"round {r:3d} wasserstein {float(gap):.3f} generated std {sample.std():.3f}")


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--rounds", type=int, default=41)
    cli.add_argument("--n-critic", type=int, default=3)
    opt = cli.parse_args()
    keras.utils.set_random_seed(0)
    WassersteinTrainer(latent=6, n_critic=opt.n_critic, gp=5.0).train(opt.rounds, 64, np.random.default_rng(0))
