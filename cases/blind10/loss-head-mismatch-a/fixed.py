import argparse
import string

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

# Review polarity, bag of character trigrams + embedding. Ported from an old Keras 2 project.
POSITIVE = "great lovely superb enjoyed charming bright warm clever".split()
NEGATIVE = "awful boring dull broken waste tedious cold clumsy".split()
FILLER = "the film plot actor scene music was it and with a very rather story".split()


def write_reviews(n, seed):
    rng = np.random.default_rng(seed)
    texts, stars = [], []
    for _ in range(n):
        good = rng.random() < 0.5
        words = list(rng.choice(FILLER, 8)) + list(rng.choice(POSITIVE if good else NEGATIVE, 2))
        rng.shuffle(words)
        texts.append(" ".join(words))
        stars.append(int(rng.integers(4, 6)) if good else int(rng.integers(1, 3)))
    return texts, np.array(stars)


class Trigrams:
    def __init__(self, buckets, length):
        self.buckets, self.length = buckets, length
        self.alphabet = {c: i for i, c in enumerate(" " + string.ascii_lowercase)}

    def __call__(self, texts):
        out = np.zeros((len(texts), self.length), "int32")
        for row, text in enumerate(texts):
            codes = [self.alphabet[c] for c in text]
            grams = [(a * 729 + b * 27 + c) % self.buckets for a, b, c in zip(codes, codes[1:], codes[2:])]
            grams = grams[: self.length]
            out[row, : len(grams)] = grams
        return out


def polarity(stars):
    return (stars > 3).astype("float32")[:, None]


def build(buckets, length, dim):
    model = keras.Sequential(name="polarity")
    model.add(layers.Input((length,), dtype="int32"))
    model.add(layers.Embedding(buckets, dim))
    model.add(layers.GlobalMaxPooling1D())
    model.add(layers.Dense(16, activation="relu"))
    model.add(layers.Dense(1))
    return model


def main(args):
    keras.utils.set_random_seed(args.seed)
    vectorise = Trigrams(args.buckets, args.length)
    texts, stars = write_reviews(300, args.seed)
    x, y = vectorise(texts), polarity(stars)
    model = build(args.buckets, args.length, dim=12)
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
    )
    log = model.fit(x, y, epochs=args.epochs, batch_size=30, validation_split=0.2, verbose=0)
    for name, curve in log.history.items():
        print(f"{name:22s}", np.round(curve, 4))


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--buckets", type=int, default=500)
    p.add_argument("--length", type=int, default=70)
    p.add_argument("--epochs", type=int, default=6)
    p.add_argument("--seed", type=int, default=0)
    main(p.parse_args())
