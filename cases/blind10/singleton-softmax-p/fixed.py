"""Bearing fault detection from vibration segments: GRU + additive attention pooling."""
import argparse

import numpy as np
import tensorflow as tf
import keras
from keras import layers


class AttentionPool(layers.Layer):
    """Weighted mean over the time steps, the weights come from a small scorer."""

    def __init__(self, hidden, **kwargs):
        super().__init__(**kwargs)
        self.project = layers.Dense(hidden, activation="tanh", name="project")
        self.score = layers.Dense(1, use_bias=False, name="score")

    def build(self, shape):
        self.project.build(shape)
        self.score.build(tuple(shape[:-1]) + (self.project.units,))
        self.built = True

    def weights_for(self, states):
        energy = self.score(self.project(states))
        return tf.nn.softmax(energy, axis=1)

    def call(self, states):
        alpha = self.weights_for(states)
        return tf.reduce_sum(alpha * states, axis=1)


def vibration(n, steps, seed):
    rng = np.random.RandomState(seed)
    x = rng.randn(n, steps, 3).astype("float32") * 0.5
    y = rng.randint(0, 2, n)
    for i in np.flatnonzero(y):
        # a single impact somewhere in the segment
        at = rng.randint(2, steps - 4)
        x[i, at:at + 3] += np.array([2.5, -2.0, 1.5]) * np.exp(-np.arange(3))[:, None]
    return x, y.astype("float32")


def build(steps, units):
    seg = keras.Input((steps, 3), name="segment")
    h = layers.GRU(units, return_sequences=True)(seg)
    pooled = AttentionPool(units, name="attention")(h)
    fault = layers.Dense(1, activation="sigmoid", name="fault")(pooled)
    return keras.Model(seg, fault)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--steps", type=int, default=20)
    ap.add_argument("--units", type=int, default=12)
    ap.add_argument("--epochs", type=int, default=5)
    args = ap.parse_args()

    keras.utils.set_random_seed(17)
    x, y = vibration(256, args.steps, seed=0)
    model = build(args.steps, args.units)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
    scorer = model.get_layer("attention")
    start = [w.numpy().copy() for w in scorer.trainable_variables]
    hist = model.fit(x, y, batch_size=32, epochs=args.epochs, verbose=0)
    print("loss", [round(v, 3) for v in hist.history["loss"]])
    shift = [float(np.abs(w.numpy() - s).max()) for w, s in zip(scorer.trainable_variables, start)]
    print("scorer moved", [round(s, 5) for s in shift])


if __name__ == "__main__":
    main()
