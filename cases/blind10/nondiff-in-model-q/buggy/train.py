import numpy as np
import tensorflow as tf
import keras

from config import CFG
from moe import SwitchFFN


class LoadForecaster(keras.Model):
    """Day-ahead electricity load, hourly tokens, one switch block."""

    def __init__(self, cfg):
        super().__init__()
        self.embed = keras.layers.Dense(cfg.width, activation="gelu")
        self.norm = keras.layers.LayerNormalization()
        self.ffn = SwitchFFN(cfg.width, cfg.hidden, cfg.experts)
        self.out = keras.layers.Dense(1)

    def call(self, x):
        h = self.embed(x)
        h = h + self.ffn(self.norm(h))
        return tf.squeeze(self.out(h), -1)


def load_curves(cfg):
    rng = np.random.default_rng(cfg.seed)
    hours = np.arange(24)
    temp = rng.normal(12, 8, (cfg.days, 1)) + 4 * np.sin(2 * np.pi * (hours - 9) / 24)
    weekend = rng.integers(0, 2, (cfg.days, 1)) * np.ones((1, 24))
    load = np.where(weekend > 0, 0.6, 1.0) * (1 + 0.4 * np.sin(2 * np.pi * hours / 24)) + 0.03 * np.abs(temp - 16)
    feats = np.stack([temp / 10, weekend, np.broadcast_to(np.sin(2 * np.pi * hours / 24), temp.shape),
                      np.broadcast_to(np.cos(2 * np.pi * hours / 24), temp.shape)], -1)
    return feats.astype("float32"), load.astype("float32")


def main(cfg):
    keras.utils.set_random_seed(cfg.seed)
    x, y = load_curves(cfg)
    ds = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(cfg.days, seed=0).batch(cfg.batch).repeat()
    net = LoadForecaster(cfg)
    opt = keras.optimizers.AdamW(cfg.lr)

    @tf.function
    def step(feats, load):
        with tf.GradientTape() as tape:
            mse = tf.reduce_mean(tf.square(net(feats) - load))
        grads = tape.gradient(mse, net.trainable_variables)
        opt.apply_gradients(zip(grads, net.trainable_variables))
        return mse

    for i, (feats, load) in enumerate(ds.take(cfg.steps)):
        mse = step(feats, load)
        if i % 20 == 0:
            print(i, "mse %.4f" % float(mse))


if __name__ == "__main__":
    main(CFG)
