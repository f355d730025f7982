import tensorflow as tf
from tensorflow.keras import layers


class BiTagger(tf.keras.Model):
    def __init__(self, hp):
        super().__init__()
        self.embed = layers.Embedding(hp["vocab"], hp["dim"])
        self.fwd = layers.GRU(hp["units"], return_sequences=True)
        self.bwd = layers.GRU(hp["units"], return_sequences=True, go_backwards=True)
        self.out = layers.Dense(hp["tags"])

    def call(self, words):
        e = self.embed(words)
        both = tf.concat([self.fwd(e), tf.reverse(self.bwd(e), axis=[1])], axis=-1)
        return self.out(both)
