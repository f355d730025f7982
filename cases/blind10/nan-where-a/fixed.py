"""Fit Lennard-Jones parameters of two species to reference energies (toy force field fitting)."""
import itertools

import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(0)
CUTOFF = 3.0


class ForceField(tf.Module):
    def __init__(self, species, sigma=1.1, epsilon=0.6):
        super().__init__(name="lj")
        self.log_sigma = tf.Variable(np.full(species, np.log(sigma), "float32"), name="log_sigma")
        self.log_eps = tf.Variable(np.full(species, np.log(epsilon), "float32"), name="log_eps")

    def mixed(self, kinds):
        """Lorentz-Berthelot mixing rules for every pair of atoms."""
        s = tf.exp(tf.gather(self.log_sigma, kinds))
        e = tf.exp(tf.gather(self.log_eps, kinds))
        sigma = 0.5 * (s[..., :, None] + s[..., None, :])
        eps = tf.sqrt(e[..., :, None] * e[..., None, :])
        return sigma, eps

    def energy(self, xyz, kinds):
        delta = xyz[:, :, None, :] - xyz[:, None, :, :]
        r2 = tf.reduce_sum(delta**2, axis=-1)
        apart = r2 > 0.0
        dist = tf.sqrt(tf.where(apart, r2, tf.ones_like(r2)))
        sigma, eps = self.mixed(kinds)
        inv6 = (sigma / dist) ** 6
        pair = 4.0 * eps * (inv6 * inv6 - inv6)
        inside = apart & (dist < CUTOFF)
        pair = tf.where(inside, pair, tf.zeros_like(pair))
        return 0.5 * tf.reduce_sum(pair, axis=[1, 2])


def lattice_clusters(n, rng):
    corners = np.array(list(itertools.product((0.0, 1.25), repeat=3)))
    xyz = corners[None] + 0.06 * rng.normal(size=(n, 8, 3))
    kinds = rng.integers(0, 2, (n, 8))
    return tf.constant(xyz, tf.float32), tf.constant(kinds, tf.int32)


class Fitter:
    def __init__(self, field, lr):
        self.field = field
        self.opt = tf.keras.optimizers.Adam(lr)

    @tf.function
    def step(self, xyz, kinds, reference):
        with tf.GradientTape() as tape:
            error = (self.field.energy(xyz, kinds) - reference) / 8.0
            loss = tf.reduce_mean(tf.square(error))
        variables = self.field.trainable_variables
        grads = tape.gradient(loss, variables)
        self.opt.apply_gradients(zip(grads, variables))
        return loss, tf.linalg.global_norm(grads)


def main():
    rng = np.random.default_rng(3)
    truth = ForceField(2)
    truth.log_sigma.assign(np.log([1.05, 1.15]))
    truth.log_eps.assign(np.log([0.9, 0.5]))
    xyz, kinds = lattice_clusters(64, rng)
    reference = truth.energy(xyz, kinds)

    field = ForceField(2)
    fitter = Fitter(field, 0.01)
    for it in range(60):
        loss, norm = fitter.step(xyz, kinds, reference)
        if it % 15 == 0:
            print(f"{it:3d} mse/atom {float(loss):.5f} |grad| {float(norm):.4f}")
    print("sigma", np.exp(field.log_sigma.numpy()).round(3), "eps", np.exp(field.log_eps.numpy()).round(3))


main()
