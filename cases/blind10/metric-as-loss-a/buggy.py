"""Named entity tagging with padded sentences; padding positions carry the label -1."""
import keras
import numpy as np
from keras import layers

TAGS = ["O", "B-PER", "I-PER", "B-LOC"]
IGNORE = -1
MAXLEN, VOCAB = 12, 80


def toy_sentences(n, seed=0):
    rng = np.random.default_rng(seed)
    words = np.zeros((n, MAXLEN), "int32")
    tags = np.full((n, MAXLEN), IGNORE, "int32")
    for i in range(n):
        length = int(rng.integers(6, MAXLEN + 1))
        words[i, :length] = rng.integers(30, VOCAB, length)
        tags[i, :length] = 0
        at = int(rng.integers(0, length - 2))
        if rng.random() < 0.5:
            words[i, at : at + 2] = rng.integers(1, 10), rng.integers(10, 20)
            tags[i, at : at + 2] = 1, 2
        else:
            words[i, at], tags[i, at] = rng.integers(20, 30), 3
    return words, tags


def masked_crossentropy(ignore_class, smoothing=0.0):
    """Cross entropy that skips `ignore_class`, with optional confidence penalty."""
    xent = keras.metrics.SparseCategoricalCrossentropy(from_logits=False, ignore_class=ignore_class)

    def loss(y_true, y_pred):
        value = xent(y_true, y_pred)
        if smoothing:
            value = (1.0 - smoothing) * value
        return value

    return loss


def token_accuracy(y_true, y_pred):
    y_true = keras.ops.cast(y_true, "int32")
    guess = keras.ops.cast(keras.ops.argmax(y_pred, axis=-1), "int32")
    keep = keras.ops.cast(y_true != IGNORE, "float32")
    hit = keras.ops.cast(guess == y_true, "float32")
    return keras.ops.sum(hit * keep) / keras.ops.sum(keep)


def build_tagger(dim=16):
    words = keras.Input((MAXLEN,), dtype="int32")
    h = layers.Embedding(VOCAB, dim)(words)
    h = layers.Bidirectional(layers.GRU(dim, return_sequences=True))(h)
    h = layers.Dropout(0.1)(h)
    return keras.Model(words, layers.Dense(len(TAGS), activation="softmax")(h))


if __name__ == "__main__":
    keras.utils.set_random_seed(25)
    words, tags = toy_sentences(240)
    tagger = build_tagger()
    tagger.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss=masked_crossentropy(IGNORE, smoothing=0.05),
        metrics=[token_accuracy],
    )
    history = tagger.fit(words, tags, batch_size=24, epochs=4, verbose=0)
    print("loss", np.round(history.history["loss"], 4))
    print("token accuracy", np.round(history.history["token_accuracy"], 3))
