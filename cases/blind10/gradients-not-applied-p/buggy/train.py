import tensorflow as tf

from corpus import batches
from engine import Trainer
from tagger import BiTagger

HPARAMS = {"vocab": 40, "tags": 5, "dim": 16, "units": 12, "lr": 0.01, "clip": 1.0, "epochs": 3}


def report(epoch, logs):
    print(f"epoch {epoch}  loss {logs['loss']:.4f}  |g| {logs['norm']:.3f}  acc {logs['acc']:.3f}")


if __name__ == "__main__":
    tf.keras.utils.set_random_seed(31)
    model = BiTagger(HPARAMS)
    trainer = Trainer(model, HPARAMS)
    model(next(batches(1))[0])
    before = model.get_weights()
    for epoch in range(HPARAMS["epochs"]):
        report(epoch, trainer.run_epoch(batches(12, seed=epoch)))
    moved = max(float(abs(a - b).max()) for a, b in zip(before, model.get_weights()))
    print("largest weight change", round(moved, 5))
