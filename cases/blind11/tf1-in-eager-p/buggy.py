"""Which words made the classifier decide? Grad-CAM for a text CNN."""
import numpy as np
import tensorflow as tf
from tensorflow.keras import Model, layers

tf.keras.utils.set_random_seed(21)
POSITIVE = ["great", "lovely", "superb", "fun"]
NEGATIVE = ["awful", "boring", "broken", "sad"]
FILLER = ["the", "movie", "was", "and", "plot", "a", "with", "actors", "it", "very"]
VOCAB = ["<pad>"] + POSITIVE + NEGATIVE + FILLER
MAXLEN = 12


def make_sentence(rng, label):
    words = list(rng.choice(FILLER, size=MAXLEN - 2))
    for w in rng.choice(POSITIVE if label else NEGATIVE, size=2):
        words.insert(rng.integers(len(words)), w)
    return [VOCAB.index(w) for w in words]


def build_cnn():
    tokens = layers.Input((MAXLEN,), dtype="int32", name="tokens")
    x = layers.Embedding(len(VOCAB), 16)(tokens)
    x = layers.Conv1D(24, 3, padding="same", activation="relu", name="conv")(x)
    x = layers.GlobalMaxPooling1D()(x)
    return Model(tokens, layers.Dense(2, name="logits")(x))


class GradCAM:
    def __init__(self, model, layer="conv"):
        self.model = model
        self.inner = Model(model.input, [model.get_layer(layer).output, model.output])

    def __call__(self, tokens, class_index):
        tokens = tf.convert_to_tensor([tokens])
        feature_map, logits = self.inner(tokens)
        score = logits[:, class_index]
        grads = tf.gradients(score, feature_map)[0]
        weights = tf.reduce_mean(grads, axis=1, keepdims=True)
        cam = tf.nn.relu(tf.reduce_sum(weights * feature_map, axis=-1))[0]
        return (cam / (tf.reduce_max(cam) + 1e-9)).numpy()


rng = np.random.default_rng(3)
labels = rng.integers(2, size=400)
data = np.array([make_sentence(rng, y) for y in labels])
model = build_cnn()
model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
model.fit(data, labels, epochs=8, verbose=2)

cam = GradCAM(model)
for k in range(2):
    weights = cam(data[k], int(labels[k]))
    print(" ".join(f"{VOCAB[t]}({w:.1f})" for t, w in zip(data[k], weights)))
