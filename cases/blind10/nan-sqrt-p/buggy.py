#!/usr/bin/env python
"""Speaker embeddings with batch-hard triplets on synthetic voice prints."""
import numpy as np
import tensorflow as tf
from tensorflow import keras


def pairwise_distances(emb):
    dot = tf.matmul(emb, emb, transpose_b=True)
    norms = tf.linalg.diag_part(dot)
    d2 = norms[:, None] - 2.0 * dot + norms[None, :]
    # rounding can push tiny values below zero
    return tf.sqrt(tf.maximum(d2, 0.0))


def batch_hard(labels, emb, margin):
    dist = pairwise_distances(emb)
    same = tf.cast(labels[:, None] == labels[None, :], tf.float32)
    hardest_pos = tf.reduce_max(dist * same, axis=1)
    ceiling = tf.reduce_max(dist, axis=1, keepdims=True)
    hardest_neg = tf.reduce_min(dist + ceiling * same, axis=1)
    spread = tf.reduce_mean(dist)
    loss = tf.reduce_mean(tf.nn.softplus(hardest_pos - hardest_neg + margin))
    return loss, spread


class VoicePrints:
    """P speakers x K utterances per batch."""

    def __init__(self, speakers=12, dim=30, seed=3):
        self.rng = np.random.RandomState(seed)
        self.centres = self.rng.randn(speakers, dim)
        self.mixing = self.rng.randn(dim, dim) / np.sqrt(dim)

    def batch(self, p=6, k=4):
        who = self.rng.choice(len(self.centres), p, replace=False).repeat(k)
        x = self.centres[who] + 1.2 * self.rng.randn(p * k, self.centres.shape[1])
        return tf.constant(x @ self.mixing, tf.float32), tf.constant(who, tf.int32)


def encoder(dim, out):
    return keras.Sequential([
        keras.Input((dim,)),
        keras.layers.Dense(48, activation="relu"),
        keras.layers.Dense(out),
        keras.layers.UnitNormalization(),
    ])


def main(steps=40, margin=0.2, collapse_weight=0.05):
    tf.random.set_seed(3)
    bank = VoicePrints()
    net = encoder(30, 8)
    opt = keras.optimizers.Adam(3e-3)

    @tf.function
    def update(x, who):
        with tf.GradientTape() as tape:
            loss, spread = batch_hard(who, net(x, training=True), margin)
            # a small reward for spreading out keeps the space from collapsing
            objective = loss - collapse_weight * spread
        grads = tape.gradient(objective, net.trainable_variables)
        opt.apply_gradients(zip(grads, net.trainable_variables))
        return loss, spread

    for s in range(steps):
        loss, spread = update(*bank.batch())
        if s % 8 == 0 or s == steps - 1:
            print(f"{s:3d}  triplet {float(loss):.4f}  spread {float(spread):.4f}")
    print("weights finite:", all(bool(tf.reduce_all(tf.math.is_finite(v))) for v in net.trainable_variables))


if __name__ == "__main__":
    main()
