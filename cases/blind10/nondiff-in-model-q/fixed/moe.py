import keras
import tensorflow as tf


def top1(probs):
    """Assignment matrix (batch, tokens, experts) of the most probable expert."""
    return tf.one_hot(tf.argmax(probs, axis=-1), probs.shape[-1], dtype=probs.dtype)


class Expert(keras.layers.Layer):
    def __init__(self, width, hidden, **kw):
        super().__init__(**kw)
        self.up = keras.layers.Dense(hidden, activation="gelu")
        self.down = keras.layers.Dense(width)

    def call(self, x):
        return self.down(self.up(x))


class SwitchFFN(keras.layers.Layer):
    def __init__(self, width, hidden, n_experts, **kw):
        super().__init__(**kw)
        self.router = keras.layers.Dense(n_experts, use_bias=False, name="router")
        self.experts = [Expert(width, hidden, name=f"expert_{i}") for i in range(n_experts)]

    def call(self, x):
        probs = tf.nn.softmax(self.router(x))
        gate = top1(probs) * probs
        # dense evaluation is fine for three experts
        stacked = tf.stack([e(x) for e in self.experts], axis=-1)
        return tf.einsum("btde,bte->btd", stacked, gate)
