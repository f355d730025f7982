"""Neural interatomic potential, fitted to energies and forces of small argon clusters."""
import numpy as np
import tensorflow as tf
from tensorflow import keras

N_ATOMS, N_BASIS = 5, 8


def lennard_jones(pos):
    diff = pos[:, :, None] - pos[:, None]
    r2 = (diff ** 2).sum(-1) + 1e3 * np.eye(pos.shape[1])
    inv6 = 1.0 / r2 ** 3
    energy = 2.0 * (inv6 ** 2 - inv6).sum((1, 2))
    slope = -24.0 * (2 * inv6 ** 2 - inv6) / r2
    force = -(slope[..., None] * diff).sum(2)
    return energy.astype("float32"), force.astype("float32")


def clusters(n, seed=0):
    rng = np.random.RandomState(seed)
    base = 1.2 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], float)
    pos = (base + rng.normal(0, 0.06, (n, N_ATOMS, 3))).astype("float32")
    return (pos,) + lennard_jones(pos)


class Potential(keras.Model):
    def __init__(self):
        super().__init__()
        self.centres = tf.linspace(0.8, 2.6, N_BASIS)
        self.pair = keras.Sequential([keras.Input((None, N_BASIS)), keras.layers.Dense(24, activation="tanh"),
                                      keras.layers.Dense(24, activation="tanh"),
                                      keras.layers.Dense(1)])
        i, j = np.triu_indices(N_ATOMS, k=1)
        self.i, self.j = tf.constant(i), tf.constant(j)

    def call(self, pos):
        bond = tf.gather(pos, self.i, axis=1) - tf.gather(pos, self.j, axis=1)
        r = tf.norm(bond, axis=-1, keepdims=True)
        basis = tf.exp(-tf.square((r - self.centres) / 0.3))
        return tf.reduce_sum(self.pair(basis), axis=[1, 2])

    def energy_and_forces(self, pos):
        with tf.GradientTape() as geometry:
            energy = self(pos)
        forces = -geometry.gradient(energy, pos)
        return energy, forces


class ForceMatching:
    def __init__(self, model, force_weight=0.1, lr=5e-3):
        self.model, self.force_weight = model, force_weight
        self.opt = keras.optimizers.Adam(lr)

    def step(self, pos, e_ref, f_ref):
        with tf.GradientTape() as tape:
            e, f = self.model.energy_and_forces(pos)
            e_loss = tf.reduce_mean(tf.square(e - e_ref))
            f_loss = tf.reduce_mean(tf.square(f - f_ref))
            loss = e_loss + self.force_weight * f_loss
        params = self.model.trainable_variables
        self.opt.apply_gradients(zip(tape.gradient(loss, params), params))
        return e_loss, f_loss


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    data = tf.data.Dataset.from_tensor_slices(clusters(160)).shuffle(160, seed=1).batch(32)
    fit = ForceMatching(Potential())
    for epoch in range(6):
        logs = np.array([[float(v) for v in fit.step(*batch)] for batch in data])
        print(epoch, "energy %.3f force %.3f" % tuple(logs.mean(0)))
