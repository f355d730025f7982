"""Intent classification with attention pooling. The attention entropy is penalised to get sharp, readable maps."""
import numpy as np
import tensorflow as tf
import keras

PAD, VOCAB, MAXLEN, INTENTS = 0, 60, 14, 4
NEG = -1e9


def utterances(n, seed=0):
    rng = np.random.default_rng(seed)
    intent = rng.integers(0, INTENTS, n)
    tokens = np.zeros((n, MAXLEN), "int32")
    for i, k in enumerate(intent):
        length = rng.integers(5, MAXLEN - 2)
        tokens[i, :length] = rng.integers(10, VOCAB, length)
        tokens[i, rng.integers(0, length)] = 1 + k
    return tokens, intent.astype("int32")


class AttentionPool(keras.layers.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.proj = keras.layers.Dense(units, activation="tanh")
        self.score = keras.layers.Dense(1, use_bias=False)

    def call(self, states, keep):
        logits = self.score(self.proj(states))[..., 0]
        logits += (1.0 - keep) * NEG
        weights = tf.nn.softmax(logits, axis=-1)
        return tf.einsum("bt,btd->bd", weights, states), weights


class IntentModel(keras.Model):
    def __init__(self, dim=16):
        super().__init__()
        self.embed = keras.layers.Embedding(VOCAB, dim)
        self.encode = keras.layers.Conv1D(dim, 3, padding="same", activation="relu")
        self.pool = AttentionPool(dim)
        self.out = keras.layers.Dense(INTENTS)

    def call(self, tokens):
        keep = tf.cast(tf.not_equal(tokens, PAD), tf.float32)
        pooled, weights = self.pool(self.encode(self.embed(tokens)), keep)
        return self.out(pooled), weights


def entropy(p):
    return -tf.reduce_sum(p * tf.math.log(p + 1e-9), axis=-1)


@tf.function
def train_step(model, optimizer, tokens, intent, sharpness):
    with tf.GradientTape() as tape:
        logits, weights = model(tokens, training=True)
        nll = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=intent, logits=logits)
        loss = tf.reduce_mean(nll + sharpness * entropy(weights))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return loss


def main():
    keras.utils.set_random_seed(4)
    tokens, intent = utterances(320)
    model, optimizer = IntentModel(), keras.optimizers.Adam(5e-3)
    model(tokens[:1])
    optimizer.build(model.trainable_variables)
    sharpness = tf.constant(0.02)
    ds = tf.data.Dataset.from_tensor_slices((tokens, intent)).batch(32)
    for epoch in range(8):
        losses = [train_step(model, optimizer, t, y, sharpness).numpy() for t, y in ds]
        logits, _ = model(tokens)
        acc = np.mean(np.argmax(logits, axis=1) == intent)
        print(f"epoch {epoch} loss {np.mean(losses):.4f} acc {acc:.3f}")


main()
