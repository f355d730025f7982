"""
Adaptive style transfer, TF2 port.
There is no pretrained VGG here, so the encoders start from scratch and learn with the decoder.
"""
from types import SimpleNamespace

import numpy as np
import tensorflow as tf
from tensorflow.keras import Sequential, layers

cfg = SimpleNamespace(size=16, batch=8, steps=40, lr=2e-3, style_weight=0.2, channels=(8, 16))
tf.keras.utils.set_random_seed(40)


def Encoder(name):
    net = Sequential(name=name)
    net.add(layers.Input((cfg.size, cfg.size, 3)))
    for c in cfg.channels:
        net.add(layers.Conv2D(c, 3, strides=2, padding="same", activation="elu"))
    return net


def Decoder(name="decoder"):
    net = Sequential(name=name)
    net.add(layers.Input((cfg.size // 4, cfg.size // 4, cfg.channels[-1])))
    for c in reversed(cfg.channels):
        net.add(layers.Conv2DTranspose(c, 3, strides=2, padding="same", activation="elu"))
    net.add(layers.Conv2D(3, 3, padding="same", activation="sigmoid"))
    return net


def moments(x):
    mean, var = tf.nn.moments(x, axes=[1, 2], keepdims=True)
    return mean, tf.sqrt(var + 1e-5)


def adain(content, style):
    c_mean, c_std = moments(content)
    s_mean, s_std = moments(style)
    return s_std * (content - c_mean) / c_std + s_mean


class AdaptiveStyleTransfer:
    def __init__(self):
        self.content_encoder = Encoder("content_encoder")
        self.style_encoder = Encoder("style_encoder")
        self.decoder = Decoder()
        self.optimizer = tf.keras.optimizers.Adam(cfg.lr)

    def stylize(self, content, style):
        return self.decoder(adain(self.content_encoder(content), self.style_encoder(style)))

    def losses(self, content, style):
        same = self.stylize(content, content)
        mixed = self.stylize(content, style)
        l_content = tf.reduce_mean(tf.square(same - content))
        l_style = sum(tf.reduce_mean(tf.square(a - b)) for a, b in zip(moments(mixed), moments(style)))
        return l_content, l_style

    @tf.function
    def train_on_batch(self, content, style):
        with tf.GradientTape() as tape:
            l_content, l_style = self.losses(content, style)
            loss = l_content + cfg.style_weight * l_style
        train_weights = (
            self.content_encoder.trainable_weights + self.style_encoder.trainable_weights + self.decoder.trainable_weights
        )
        grads = tape.gradient(loss, train_weights)
        self.optimizer.apply_gradients(zip(grads, train_weights))
        return l_content, l_style


def pictures(n, rng):
    g = np.linspace(-1, 1, cfg.size)
    xx, yy = np.meshgrid(g, g)
    freq, phase, tint = rng.uniform(1, 5, (n, 1, 1, 1)), rng.uniform(0, 6, (n, 1, 1, 3)), rng.uniform(0.2, 0.9, (n, 1, 1, 3))
    img = tint * (0.5 + 0.5 * np.sin(freq * (xx + yy * phase[..., 0])[..., None] + phase))
    return tf.constant(img, tf.float32)


rng = np.random.default_rng(1)
net = AdaptiveStyleTransfer()
for step in range(cfg.steps):
    c, s = net.train_on_batch(pictures(cfg.batch, rng), pictures(cfg.batch, rng))
    if step % 8 == 0:
        print(f"step {step:3d} content {float(c):.4f} style {float(s):.4f}")
