import keras
from keras import layers


def Generator(length):
    return keras.Sequential([
        layers.Input((4,)),
        layers.Dense(32, activation="relu"),
        layers.Dense(32, activation="relu"),
        layers.Dense(length),
    ], name="generator")


class Critic(keras.Model):
    def __init__(self):
        super().__init__(name="critic")
        self.conv = layers.Conv1D(8, 5, padding="same")
        self.act = layers.LeakyReLU(negative_slope=0.2)
        self.hidden = layers.Dense(16, activation="tanh")
        self.score = layers.Dense(1, use_bias=False)

    def call(self, x):
        h = self.act(self.conv(x[..., None]))
        h = layers.Flatten()(h)
        return self.score(self.hidden(h))
