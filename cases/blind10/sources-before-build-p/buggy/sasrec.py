import tensorflow as tf
from tensorflow.keras import layers


class NextItem(tf.keras.Model):
    """One block of self attention over the history, dot product with the item table."""

    def __init__(self, n_items, width):
        super().__init__()
        self.n_items = n_items
        self.items = layers.Embedding(n_items, width)
        self.positions = layers.Embedding(32, width)
        self.attend = layers.MultiHeadAttention(2, width // 2, use_bias=False)
        self.norm = layers.LayerNormalization()
        self.mix = layers.Dense(width, activation="gelu")
        self.score = layers.Dense(n_items)

    def call(self, history):
        h = self.items(history) + self.positions(tf.range(tf.shape(history)[1]))
        h = self.norm(h + self.attend(h, h, use_causal_mask=True))
        return self.score(self.mix(h[:, -1]))
