"""BYOL-style self-supervision on spectra: the target branch follows the online branch and is never trained."""
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Config:
    bands: int = 40
    width: int = 32
    proj: int = 12
    momentum: float = 0.97
    lr: float = 3e-3
    batch: int = 64
    epochs: int = 6


def mlp(in_dim, hidden, out_dim, name):
    return keras.Sequential(
        [
            keras.Input((in_dim,)),
            keras.layers.Dense(hidden),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Dense(out_dim),
        ],
        name=name,
    )


class Byol:
    def __init__(self, cfg):
        self.cfg = cfg
        self.online = mlp(cfg.bands, cfg.width, cfg.proj, "online")
        self.target = mlp(cfg.bands, cfg.width, cfg.proj, "target")
        self.predictor = keras.Sequential(
            [keras.Input((cfg.proj,)), keras.layers.Dense(cfg.width, "relu"), keras.layers.Dense(cfg.proj)]
        )
        self.target.set_weights(self.online.get_weights())
        self.opt = keras.optimizers.Adam(cfg.lr)

    @staticmethod
    def distance(p, z):
        p = tf.math.l2_normalize(p, axis=1)
        z = tf.math.l2_normalize(tf.stop_gradient(z), axis=1)
        return 2.0 - 2.0 * tf.reduce_sum(p * z, axis=1)

    def augment(self, x):
        gain = tf.random.uniform([tf.shape(x)[0], 1], 0.7, 1.3)
        drop = tf.cast(tf.random.uniform(tf.shape(x)) > 0.15, tf.float32)
        return x * gain * drop + 0.05 * tf.random.normal(tf.shape(x))

    @tf.function
    def step(self, x):
        a, b = self.augment(x), self.augment(x)
        with tf.GradientTape() as tape:
            pa = self.predictor(self.online(a, training=True), training=True)
            pb = self.predictor(self.online(b, training=True), training=True)
            za, zb = self.target(a, training=True), self.target(b, training=True)
            loss = tf.reduce_mean(self.distance(pa, zb) + self.distance(pb, za))
        params = self.online.trainable_variables + self.predictor.trainable_variables
        self.opt.apply_gradients(zip(tape.gradient(loss, params), params))
        m = self.cfg.momentum
        for t, o in zip(self.target.trainable_variables, self.online.trainable_variables):
            t.assign(m * t + (1.0 - m) * o)
        return loss


def spectra(n, bands, seed=0):
    rng = np.random.default_rng(seed)
    mineral = rng.integers(0, 4, n)
    grid = np.arange(bands)
    centre = np.array([8, 15, 24, 33])[mineral]
    x = np.exp(-((grid - centre[:, None]) ** 2) / 20) + 0.1 * rng.normal(size=(n, bands))
    return x.astype("float32"), mineral


def knn_score(features, labels, k=5):
    f = features / (np.linalg.norm(features, axis=1, keepdims=True) + 1e-9)
    sim = f @ f.T - 2 * np.eye(len(f))
    votes = labels[np.argsort(-sim, axis=1)[:, :k]]
    return float(np.mean([np.bincount(v).argmax() == l for v, l in zip(votes, labels)]))


def main(cfg):
    keras.utils.set_random_seed(88)
    x, mineral = spectra(512, cfg.bands)
    learner = Byol(cfg)
    params = learner.online.trainable_variables + learner.predictor.trainable_variables
    learner.opt.build(params)
    data = tf.data.Dataset.from_tensor_slices(x).shuffle(512, seed=3).batch(cfg.batch)
    for epoch in range(cfg.epochs):
        losses = [float(learner.step(b)) for b in data]
        score = knn_score(learner.online(x[:200]).numpy(), mineral[:200])
        print(f"epoch {epoch} loss {np.mean(losses):.4f} knn {score:.3f}")


main(Config())
