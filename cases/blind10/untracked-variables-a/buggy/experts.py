import keras
import tensorflow as tf


class Expert:
    """One small regressor, the mixture owns several of them."""

    def __init__(self, index, hidden, horizon):
        self.body = keras.layers.Dense(hidden, activation="relu", name=f"expert{index}_body")
        self.head = keras.layers.Dense(horizon, name=f"expert{index}_head")

    def __call__(self, x):
        return self.head(self.body(x))


class LoadMixture(keras.Model):
    def __init__(self, n_experts, hidden, horizon):
        super().__init__(name="load_mixture")
        self.gate = keras.layers.Dense(n_experts, activation="softmax", name="gate")
        self.experts = [Expert(i, hidden, horizon) for i in range(n_experts)]

    def call(self, x):
        share = self.gate(x)
        votes = tf.stack([expert(x) for expert in self.experts], axis=1)
        return tf.reduce_sum(share[..., None] * votes, axis=1)
