import numpy as np
import tensorflow as tf


def next_item_batches(n_items, steps, size=64, length=6, seed=2):
    rng = np.random.RandomState(seed)
    successor = rng.permutation(n_items)
    for _ in range(steps):
        seq = np.empty((size, length + 1), "int32")
        seq[:, 0] = rng.randint(0, n_items, size)
        for t in range(1, length + 1):
            follow = rng.rand(size) < 0.85
            seq[:, t] = np.where(follow, successor[seq[:, t - 1]], rng.randint(0, n_items, size))
        yield tf.constant(seq[:, :-1]), tf.constant(seq[:, -1])
