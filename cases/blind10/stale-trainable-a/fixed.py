"""Two-stage fine-tuning of a pretrained ECG encoder for arrhythmia detection."""
import dataclasses

import keras
import numpy as np
from keras import layers


@dataclasses.dataclass
class Stage:
    title: str
    epochs: int
    learning_rate: float
    tune_encoder: bool


SCHEDULE = [
    Stage("head only", 3, 1e-2, False),
    Stage("full network", 5, 1e-3, True),
]


def heartbeats(n, classes, length=64, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    t = np.linspace(0, 1, length)
    centre = 0.3 + 0.12 * y[:, None] + 0.02 * rng.normal(size=(n, 1))
    beat = np.exp(-((t - centre) ** 2) / 0.002) - 0.4 * np.exp(-((t - centre - 0.08) ** 2) / 0.004)
    beat += 0.2 * rng.normal(size=(n, length))
    return beat.astype("float32")[..., None], y


def make_encoder(length=64):
    inp = keras.Input((length, 1))
    h = layers.Conv1D(8, 7, strides=2, activation="relu", name="c1")(inp)
    h = layers.Conv1D(16, 5, strides=2, activation="relu", name="c2")(h)
    return keras.Model(inp, layers.Flatten()(h), name="encoder")


def pretrain(encoder):
    """Stand-in for the large unlabeled corpus: predict the position of the peak."""
    x, _ = heartbeats(300, 5, seed=100)
    peak = x[..., 0].argmax(axis=1).astype("float32")[:, None] / x.shape[1]
    proxy = keras.Sequential([encoder, layers.Dense(1)])
    proxy.compile(optimizer="adam", loss="mse")
    proxy.fit(x, peak, epochs=2, verbose=0)
    return encoder


class Finetuner:
    def __init__(self, encoder, classes):
        self.encoder = encoder
        self.model = keras.Sequential([encoder, layers.Dense(classes, name="rhythm")], name="classifier")

    def prepare(self, stage):
        self.model.compile(
            optimizer=keras.optimizers.Adam(stage.learning_rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )

    def run(self, x, y, schedule):
        for stage in schedule:
            self.encoder.trainable = stage.tune_encoder
            self.prepare(stage)
            before = [w.copy() for w in self.encoder.get_weights()]
            hist = self.model.fit(x, y, epochs=stage.epochs, batch_size=40, verbose=0)
            moved = sum(float(np.abs(a - b).sum()) for a, b in zip(before, self.encoder.get_weights()))
            print(
                f"{stage.title:14s} loss {hist.history['loss'][-1]:.4f} "
                f"acc {hist.history['accuracy'][-1]:.3f}  encoder moved by {moved:.4f}"
            )


if __name__ == "__main__":
    keras.utils.set_random_seed(19)
    tuner = Finetuner(pretrain(make_encoder()), classes=4)
    tuner.run(*heartbeats(200, 4), SCHEDULE)
