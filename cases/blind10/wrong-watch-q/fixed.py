"""Which words made the complaint classifier decide? Gradient x input on a small text CNN."""
import keras
import numpy as np
import tensorflow as tf

WORDS = ("<pad> the my card was charged twice late fee loan rate high account closed "
         "without notice please help thanks").split()
VOCAB = {w: i for i, w in enumerate(WORDS)}
LABELS = ["billing", "loan", "account"]
TEMPLATES = [("my card was charged twice please help", 0), ("the late fee was charged twice", 0),
             ("the loan rate was high please help", 1), ("high rate loan late fee thanks", 1),
             ("my account was closed without notice", 2), ("the account closed without notice thanks", 2)]


def encode(sentence, length=8):
    ids = [VOCAB[w] for w in sentence.split()][:length]
    return ids + [0] * (length - len(ids))


class TextCNN(keras.Model):
    def __init__(self, vocab, dim=12, classes=3):
        super().__init__()
        self.table = keras.layers.Embedding(vocab, dim)
        self.conv = keras.layers.Conv1D(16, 2, activation="relu")
        self.pool = keras.layers.GlobalMaxPooling1D()
        self.out = keras.layers.Dense(classes)

    def embed(self, ids):
        return self.table(ids)

    def classify(self, vectors):
        return self.out(self.pool(self.conv(vectors)))

    def call(self, ids):
        return self.classify(self.embed(ids))


class Explainer:
    def __init__(self, model):
        self.model = model

    def attribute(self, ids, label):
        ids = tf.convert_to_tensor(ids)
        vectors = self.model.embed(ids)
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            logits = self.model.classify(vectors)
            score = tf.gather(logits, label, axis=1)
        slope = tape.gradient(score, vectors)
        return tf.reduce_sum(slope * vectors, axis=-1)

    def rank(self, sentence, label):
        weights = self.attribute([encode(sentence)], label)[0].numpy()
        tokens = sentence.split()
        return sorted(zip(tokens, weights.round(3).tolist()), key=lambda t: -t[1])


def fit(model, x, y, epochs=30):
    opt = keras.optimizers.Adam(0.02)
    ce = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for _ in range(epochs):
        with tf.GradientTape() as tape:
            loss = ce(y, model(x, training=True))
        opt.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
    return float(loss)


if __name__ == "__main__":
    keras.utils.set_random_seed(5)
    x = np.array([encode(s) for s, _ in TEMPLATES], "int32")
    y = np.array([l for _, l in TEMPLATES], "int32")
    clf = TextCNN(len(VOCAB))
    print("final loss %.4f" % fit(clf, x, y))
    explain = Explainer(clf)
    for text, label in TEMPLATES[::2]:
        print(LABELS[label], explain.rank(text, label)[:3])
