# Document re-ranker trained on rank agreement with human relevance (Spearman).
import functools

import numpy as np
import tensorflow as tf

LIST_SIZE, FEATS = 12, 6
np.random.seed(42)
tf.random.set_seed(42)


def make_queries(n_queries):
    w = np.array([1.0, -0.5, 0.8, 0.0, 0.3, -1.2])
    docs = np.random.randn(n_queries, LIST_SIZE, FEATS).astype("float32")
    rel = docs @ w + 0.1 * np.random.randn(n_queries, LIST_SIZE)
    return docs, rel.astype("float32")


def ranks(scores):
    """Rank of each document within its list, 0 = lowest."""
    order = tf.argsort(scores, axis=-1)
    return tf.cast(tf.argsort(order, axis=-1), tf.float32)


def soft_ranks(scores, temperature=0.2):
    """Smooth ranks from pairwise comparisons, used for training."""
    diff = (scores[..., :, None] - scores[..., None, :]) / temperature
    return tf.reduce_sum(tf.sigmoid(diff), axis=-1)


def pearson(a, b):
    a = a - tf.reduce_mean(a, axis=-1, keepdims=True)
    b = b - tf.reduce_mean(b, axis=-1, keepdims=True)
    num = tf.reduce_sum(a * b, axis=-1)
    den = tf.sqrt(tf.reduce_sum(a * a, axis=-1) * tf.reduce_sum(b * b, axis=-1) + 1e-8)
    return num / den


def rank_agreement(scores, relevance, rank_fn):
    return tf.reduce_mean(pearson(rank_fn(scores), ranks(relevance)))


class Scorer(tf.Module):
    def __init__(self, hidden=16, name=None):
        super().__init__(name=name)
        init = tf.random_normal_initializer(stddev=0.3)
        self.w1 = tf.Variable(init([FEATS, hidden]), name="w1")
        self.b1 = tf.Variable(tf.zeros([hidden]), name="b1")
        self.w2 = tf.Variable(init([hidden, 1]), name="w2")

    def __call__(self, docs):
        h = tf.nn.tanh(tf.einsum("qlf,fh->qlh", docs, self.w1) + self.b1)
        return tf.einsum("qlh,ho->qlo", h, self.w2)[..., 0]


def fit(scorer, objective, data, epochs, lr):
    opt = tf.keras.optimizers.Adam(lr)
    ds = tf.data.Dataset.from_tensor_slices(data).batch(20)
    for ep in range(epochs):
        for docs, rel in ds:
            with tf.GradientTape() as tape:
                loss = 1.0 - objective(scorer(docs), rel)
            g = tape.gradient(loss, scorer.trainable_variables)
            opt.apply_gradients(zip(g, scorer.trainable_variables))
        print("epoch", ep, "1 - rho:", round(float(loss), 4))


queries = make_queries(100)
model = Scorer()
fit(model, functools.partial(rank_agreement, rank_fn=soft_ranks), queries, epochs=4, lr=0.02)
held_docs, held_rel = make_queries(30)
print("held-out spearman", float(rank_agreement(model(held_docs), held_rel, ranks)))
