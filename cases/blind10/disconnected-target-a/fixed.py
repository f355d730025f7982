"""Two tower retrieval model with in-batch negatives (movies, synthetic clicks)."""
import argparse
from collections import namedtuple

import numpy as np
import tensorflow as tf
from tensorflow import keras

Interaction = namedtuple("Interaction", "user age item genre")


class Tower(keras.layers.Layer):
    def __init__(self, vocab, dim, hidden, **kwargs):
        super().__init__(**kwargs)
        self.table = keras.layers.Embedding(vocab, dim)
        self.side = keras.layers.Dense(dim, activation="relu")
        self.proj = keras.layers.Dense(hidden)

    def call(self, ids, extra):
        z = tf.concat([self.table(ids), self.side(extra)], axis=-1)
        return tf.math.l2_normalize(self.proj(z), axis=-1)


class TwoTower(keras.Model):
    def __init__(self, n_users, n_items, dim=8, hidden=12, temperature=0.1):
        super().__init__()
        self.user_tower = Tower(n_users, dim, hidden, name="user_tower")
        self.item_tower = Tower(n_items, dim, hidden, name="item_tower")
        self.user_gate = keras.layers.Dense(hidden, activation="sigmoid", name="user_gate")
        self.item_gate = keras.layers.Dense(hidden, activation="sigmoid", name="item_gate")
        self.temperature = temperature

    def encode_user(self, batch):
        v = self.user_tower(batch.user, batch.age)
        return v * self.user_gate(v)

    def encode_item(self, batch):
        v = self.item_tower(batch.item, batch.genre)
        return v * self.item_gate(v)

    def call(self, batch):
        query = self.encode_user(batch)
        candidate = self.encode_item(batch)
        return tf.matmul(query, candidate, transpose_b=True) / self.temperature


def clicks(n, n_users, n_items, rng):
    user = rng.integers(0, n_users, n)
    item = (user * 3 + rng.integers(0, 3, n)) % n_items
    genre = np.eye(5)[item % 5]
    age = rng.normal(size=(n, 1)) + (user % 4)[:, None]
    cast = lambda a, t: tf.constant(a, dtype=t)
    return Interaction(cast(user, tf.int32), cast(age, tf.float32), cast(item, tf.int32), cast(genre, tf.float32))


def slices(data, size):
    n = data.user.shape[0]
    for lo in range(0, n, size):
        yield Interaction(*(f[lo : lo + size] for f in data))


def hit_rate(model, batch):
    sims = model.encode_user(batch) @ tf.transpose(model.encode_item(batch))
    top = tf.argmax(sims, axis=1).numpy()
    return float(np.mean(batch.item.numpy()[top] == batch.item.numpy()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=40)
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=4)
    opts = parser.parse_args()

    keras.utils.set_random_seed(13)
    data = clicks(480, opts.users, opts.items, np.random.default_rng(13))
    model = TwoTower(opts.users, opts.items)
    first = next(slices(data, 48))
    model.encode_user(first), model.encode_item(first)
    adam = keras.optimizers.Adam(0.02)
    for epoch in range(opts.epochs):
        total = 0.0
        for batch in slices(data, 48):
            with tf.GradientTape() as tape:
                scores = model(batch)
                labels = tf.range(tf.shape(scores)[0])
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores))
            weights = model.trainable_weights
            adam.apply_gradients(zip(tape.gradient(loss, weights), weights))
            total += float(loss)
        print(f"epoch {epoch}: softmax loss {total / 10:.3f}, hit@1 {hit_rate(model, first):.3f}")
