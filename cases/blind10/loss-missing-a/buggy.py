"""Remaining-useful-life regression for turbofan engines (still on Keras 2)."""
import copy
import json

import numpy as np
import tf_keras
from tf_keras import layers, regularizers

BASE = json.loads(
    """
{
  "network": {"units": [24, 12], "dropout": 0.1, "steps": 15, "sensors": 6},
  "fit": {"epochs": 5, "batch_size": 32, "validation_split": 0.2, "verbose": 0},
  "compile": {"optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.005}},
              "criterion": "huber",
              "metrics": ["mae"]}
}
"""
)


def override(cfg, **changes):
    out = copy.deepcopy(cfg)
    for dotted, value in changes.items():
        node = out
        *path, leaf = dotted.split("__")
        for key in path:
            node = node[key]
        node[leaf] = value
    return out


def engine_windows(cfg, n=400, seed=0):
    rng = np.random.default_rng(seed)
    steps, sensors = cfg["steps"], cfg["sensors"]
    wear = rng.uniform(0, 1, n)
    drift = rng.uniform(-1, 1, sensors)
    t = np.linspace(0, 0.2, steps)
    level = wear[:, None, None] + t[None, :, None]
    x = level * drift + 0.1 * rng.normal(size=(n, steps, sensors))
    return x.astype("float32"), (1.25 * (1 - wear)).astype("float32")


class RulNet(tf_keras.Model):
    def __init__(self, units, dropout, **_):
        super().__init__()
        first, second = units
        self.rnn = layers.GRU(first)
        self.drop = layers.Dropout(dropout)
        self.hidden = layers.Dense(second, activation="relu")
        self.rul = layers.Dense(1)

    def call(self, x, training=False):
        h = self.drop(self.rnn(x), training=training)
        return self.rul(self.hidden(h))


def compile_kwargs(section):
    return {
        "optimizer": tf_keras.optimizers.deserialize(section["optimizer"]),
        "loss": section.get("loss"),
        "metrics": section.get("metrics"),
    }


def experiment(cfg):
    tf_keras.utils.set_random_seed(12)
    x, y = engine_windows(cfg["network"])
    model = RulNet(**cfg["network"])
    model.compile(**compile_kwargs(cfg["compile"]))
    hist = model.fit(x, y, **cfg["fit"])
    return {k: np.round(v, 4).tolist() for k, v in hist.history.items()}


if __name__ == "__main__":
    for key, values in experiment(override(BASE, network__dropout=0.05)).items():
        print(key, values)
