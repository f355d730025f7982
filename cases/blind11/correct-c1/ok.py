"""Small UNet for flow matching on 1-d signals; the output block starts at zero, as in guided-diffusion."""
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


def zero_module(layer_cls, *args, **kw):
    return layer_cls(*args, kernel_initializer='zeros', bias_initializer='zeros', **kw)


def timestep_embedding(t, dim):
    freqs = tf.exp(-np.log(1000.) * tf.range(dim // 2, dtype=tf.float32) / (dim // 2))
    angle = 1000. * t[:, None] * freqs
    return tf.concat([tf.cos(angle), tf.sin(angle)], axis=-1)


class ResBlock(layers.Layer):
    def __init__(self, channels, **kw):
        super().__init__(**kw)
        self.inp = layers.Conv1D(channels, 3, padding='same', activation='swish')
        self.emb = layers.Dense(channels)
        self.out = layers.Conv1D(channels, 3, padding='same')
        self.skip = layers.Conv1D(channels, 1)

    def call(self, x, emb):
        h = self.inp(x) + self.emb(emb)[:, None]
        return self.skip(x) + self.out(tf.nn.silu(h))


class UNet(keras.Model):
    def __init__(self, channels=12, emb=16):
        super().__init__()
        self.emb = emb
        self.down = ResBlock(channels)
        self.mid = ResBlock(2 * channels)
        self.up = ResBlock(channels)
        self.pool, self.grow = layers.AveragePooling1D(2), layers.UpSampling1D(2)
        self.final = zero_module(layers.Conv1D, 1, 3, padding='same')

    def call(self, inputs):
        x, t = inputs
        e = timestep_embedding(t, self.emb)
        d = self.down(x, e)
        m = self.mid(self.pool(d), e)
        u = self.up(tf.concat([self.grow(m), d], -1), e)
        return self.final(u)


class FlowMatching(keras.Model):
    def __init__(self, net):
        super().__init__()
        self.net = net
        self.tracker = keras.metrics.Mean(name='loss')

    def train_step(self, x1):
        n = tf.shape(x1)[0]
        x0, t = tf.random.normal(tf.shape(x1)), tf.random.uniform((n,))
        xt = (1 - t)[:, None, None] * x0 + t[:, None, None] * x1
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.net((xt, t), training=True) - (x1 - x0)))
        grads = tape.gradient(loss, self.net.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.net.trainable_variables))
        self.tracker.update_state(loss)
        return {'loss': self.tracker.result()}

    @property
    def metrics(self):
        return [self.tracker]


keras.utils.set_random_seed(0)
phase = np.random.uniform(0, 6.3, (320, 1))
waves = np.sin(np.linspace(0, 6.3, 16)[None] + phase)[..., None].astype('float32')
net = UNet()
print('output at the start', float(tf.reduce_max(tf.abs(net((waves[:2], tf.zeros(2)))))))
flow = FlowMatching(net)
flow.compile(optimizer=keras.optimizers.Adam(3e-3))
h = flow.fit(tf.data.Dataset.from_tensor_slices(waves).batch(32), epochs=6, verbose=0)
print('loss', [round(v, 3) for v in h.history['loss']])

# Euler integration from noise
x = tf.random.normal((4, 16, 1))
for k in range(20):
    x += net((x, tf.fill((4,), k / 20.))) / 20.
print('std of the samples', float(tf.math.reduce_std(x)))
