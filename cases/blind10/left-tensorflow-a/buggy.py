"""Credit scoring with a worst-group objective (minimise the loss of the branch that is served worst)."""
import collections

import numpy as np
import tensorflow as tf

REGIONS = ("north", "south", "islands")


class Applications:
    """Synthetic loan applications. The 'islands' branch is small and behaves differently."""

    def __init__(self, n=600, seed=0):
        rng = np.random.default_rng(seed)
        self.region = rng.choice(len(REGIONS), size=n, p=[0.55, 0.35, 0.10])
        self.x = rng.normal(size=(n, 8)).astype("float32")
        coef = rng.normal(size=(len(REGIONS), 8))
        coef[2] = -0.5 * coef[0]
        logit = np.einsum("nf,nf->n", self.x, coef[self.region]) + 0.3 * rng.normal(size=n)
        self.default = (logit > 0).astype("float32")

    def iterate(self, size, rng):
        order = rng.permutation(len(self.x))
        for lo in range(0, len(order), size):
            idx = order[lo : lo + size]
            yield self.x[idx], self.default[idx], self.region[idx]


class WorstGroup:
    def __init__(self, names, smoothing=0.7):
        self.names = names
        self.smoothing = smoothing
        self.trace = collections.defaultdict(list)

    def per_group(self, losses, group):
        table = {}
        for g, name in enumerate(self.names):
            member = np.flatnonzero(group == g)
            if len(member) == 0:
                continue
            table[name] = tf.reduce_mean(tf.gather(losses, member))
        return table

    def __call__(self, losses, group):
        summary = {}
        for name, value in self.per_group(losses, group).items():
            value = float(value)
            self.trace[name].append(value)
            summary[name] = value
        stacked = tf.convert_to_tensor(list(summary.values()), dtype=tf.float32)
        weights = tf.nn.softmax(stacked / self.smoothing)
        return tf.reduce_sum(tf.stop_gradient(weights) * stacked)


def build_scorer():
    return tf.keras.Sequential(
        [
            tf.keras.layers.Input((8,)),
            tf.keras.layers.Dense(24, activation="elu"),
            tf.keras.layers.Dense(1),
        ]
    )


def run(epochs=6):
    tf.keras.utils.set_random_seed(10)
    data, rng = Applications(), np.random.default_rng(1)
    scorer, objective = build_scorer(), WorstGroup(REGIONS)
    optimizer = tf.keras.optimizers.Adam(5e-3)
    for epoch in range(epochs):
        for x, y, region in data.iterate(100, rng):
            with tf.GradientTape() as tape:
                logit = scorer(x, training=True)[:, 0]
                losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logit)
                loss = objective(losses, region)
            grads = tape.gradient(loss, scorer.trainable_weights)
            optimizer.apply_gradients(zip(grads, scorer.trainable_weights))
        recent = {k: round(float(np.mean(v[-6:])), 3) for k, v in objective.trace.items()}
        print(epoch, recent)


run()
