"""Contact prediction for pairs of residues. Only pairs that are far apart in the sequence count for the loss."""
from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass
class Settings:
    batch: int = 100
    min_separation: float = 0.3
    steps: int = 60
    lr: float = 5e-3


class ContactTrainer:
    def __init__(self, settings):
        self.s = settings
        self.model = tf.keras.Sequential([
            tf.keras.Input((8,)),
            tf.keras.layers.Dense(32, activation='relu'),
            tf.keras.layers.Dense(1, activation='sigmoid'),
        ])
        self.optimizer = tf.keras.optimizers.Adam(settings.lr)

    def filter_pairs(self, features, label, prediction):
        # first feature: separation along the chain
        keep = tf.where(features[:, 0] > self.s.min_separation)[:, 0]
        return tf.gather(label, keep), tf.gather(prediction, keep)

    def custom_loss(self, output, prediction):
        # expected number of wrong pairs under the predicted probabilities
        incorrect_count = tf.reduce_sum(output * (1. - prediction) + (1. - output) * prediction)
        label_1 = tf.reduce_sum(output)
        label_0 = tf.reduce_sum(1. - output)
        return incorrect_count / (label_0 + label_1)

    def train_on(self, features, labels):
        with tf.GradientTape() as tape:
            prediction = self.model(features, training=True)
            label, prediction = self.filter_pairs(features, labels, prediction)
            loss = self.custom_loss(label, prediction)
        grads = tape.gradient(loss, self.model.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.model.trainable_weights))
        return float(loss)


def pairs(n, rng):
    x = rng.uniform(-1, 1, size=(n, 8)).astype('float32')
    contact = (x[:, 1] * x[:, 2] + 0.5 * x[:, 3] > 0).astype('float32')
    return x, contact[:, None]


tf.random.set_seed(31)
rng = np.random.default_rng(31)
settings = Settings()
trainer = ContactTrainer(settings)
for step in range(1, settings.steps + 1):
    loss = trainer.train_on(*pairs(settings.batch, rng))
    if step % 20 == 0:
        print('step', step, 'loss', round(loss, 4))
x, y = pairs(1000, rng)
print('accuracy', float(tf.reduce_mean(tf.cast(tf.equal(tf.round(trainer.model(x)), y), tf.float32))))
