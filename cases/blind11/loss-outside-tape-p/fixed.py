"""Relaxes a small Lennard-Jones cluster."""
import itertools

import numpy as np
import tensorflow as tf

EPS, SIGMA = 1.0, 1.0
PAIRS = np.array(list(itertools.combinations(range(7), 2)))


def energy(x):
    d = tf.gather(x, PAIRS[:, 0]) - tf.gather(x, PAIRS[:, 1])
    r2 = tf.reduce_sum(d ** 2, axis=-1)
    s6 = (SIGMA ** 2 / r2) ** 3
    return 4 * EPS * tf.reduce_sum(s6 ** 2 - s6)


def confinement(x, k=0.05):
    return 0.5 * k * tf.reduce_sum((x - tf.reduce_mean(x, axis=0)) ** 2)


def make_grad(*terms):
    def total(x):
        return tf.add_n([term(x) for term in terms])

    def grad(x):
        with tf.GradientTape() as t:
            t.watch(x)
            out = total(x)
        return t.gradient(out, x)

    return total, grad


def relax(x, steps=200, max_move=0.05, rate=0.002):
    total, grad = make_grad(energy, confinement)
    for step in range(steps):
        force = -grad(x).numpy()
        x = x + np.clip(rate * force, -max_move, max_move)
        if step % 40 == 0:
            print(f"{step:4d} E = {float(total(x)):10.4f}  |F| = {np.linalg.norm(force):.4f}")
    return x


rng = np.random.default_rng(6)
start = np.stack(np.meshgrid([0.0, 1.2], [0.0, 1.2], [0.0, 1.2]), -1).reshape(-1, 3)[:7]
final = relax(tf.convert_to_tensor(start + 0.05 * rng.normal(size=start.shape)))
final = final.numpy()
print("radius of gyration", np.sqrt(((final - final.mean(0)) ** 2).sum(-1).mean()).round(3))
