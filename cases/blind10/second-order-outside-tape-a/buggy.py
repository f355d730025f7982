"""Learn an interatomic potential from forces only (force matching on a toy double-well chain)."""
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow import keras

N_ATOMS = 5


class Snapshot(NamedTuple):
    positions: tf.Tensor
    forces: tf.Tensor


def reference_md(n, seed=0):
    rng = np.random.default_rng(seed)
    pos = np.cumsum(1.0 + 0.15 * rng.normal(size=(n, N_ATOMS)), axis=1)
    bond = np.diff(pos, axis=1) - 1.0
    pull = 4.0 * bond + 6.0 * bond**3  # -dE/d(bond), up to the sign
    force = np.zeros_like(pos)
    force[:, :-1] += pull
    force[:, 1:] -= pull
    return Snapshot(tf.constant(pos, tf.float32), tf.constant(force, tf.float32))


class PairPotential(keras.Model):
    """Sum over bonds of a small network of the bond length."""

    def __init__(self, width=16):
        super().__init__()
        self.layer1 = keras.layers.Dense(width, activation="tanh")
        self.layer2 = keras.layers.Dense(width, activation="tanh")
        self.out = keras.layers.Dense(1, use_bias=False)

    def call(self, positions):
        stretch = positions[:, 1:] - positions[:, :-1] - 1.0
        h = self.layer2(self.layer1(stretch[..., None]))
        return tf.reduce_sum(self.out(h), axis=[1, 2])


def forces_of(model, positions):
    """F = -dE/dx"""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(positions)
        energy = model(positions)
    return -tape.gradient(energy, positions)


class ForceMatching:
    def __init__(self, model, lr=1e-2, huber=1.0):
        self.model = model
        self.opt = keras.optimizers.Adam(lr)
        self.criterion = keras.losses.Huber(huber)

    def train_batch(self, snap):
        predicted = forces_of(self.model, snap.positions)
        with tf.GradientTape() as tape:
            loss = self.criterion(snap.forces, predicted)
        grads = tape.gradient(loss, self.model.trainable_variables)
        self.opt.apply_gradients(zip(grads, self.model.trainable_variables))
        return loss

    def rmse(self, snap):
        err = forces_of(self.model, snap.positions) - snap.forces
        return float(tf.sqrt(tf.reduce_mean(err**2)))


if __name__ == "__main__":
    keras.utils.set_random_seed(33)
    train, test = reference_md(256), reference_md(64, seed=1)
    matcher = ForceMatching(PairPotential())
    print("rmse before", round(matcher.rmse(test), 4))
    for epoch in range(10):
        for lo in range(0, 256, 32):
            loss = matcher.train_batch(Snapshot(train.positions[lo : lo + 32], train.forces[lo : lo + 32]))
        if epoch % 3 == 0:
            print(f"epoch {epoch} huber {float(loss):.4f} rmse {matcher.rmse(test):.4f}")
