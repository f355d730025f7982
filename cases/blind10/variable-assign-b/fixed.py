import math

import numpy as np
import tensorflow as tf

# Fit K soft blobs ("strokes") to a target picture by gradient descent on their parameters.
SIZE, K = 24, 6
yy, xx = tf.meshgrid(tf.linspace(0.0, 1.0, SIZE), tf.linspace(0.0, 1.0, SIZE), indexing="ij")


def target_picture():
    img = np.zeros((SIZE, SIZE), "float32")
    img[4:12, 5:9] = 0.9
    img[14:20, 10:21] = 0.6
    return tf.constant(img)


class Renderer:
    def __init__(self, size):
        self.canvas = tf.zeros([size, size])

    def clear(self):
        self.canvas = tf.zeros_like(self.canvas)

    def stamp(self, centre, log_sigma, ink):
        d2 = (xx - centre[0]) ** 2 + (yy - centre[1]) ** 2
        blob = tf.exp(-d2 / (2.0 * tf.exp(2.0 * log_sigma)))
        alpha = tf.sigmoid(ink) * blob
        # "over" compositing
        self.canvas = self.canvas * (1.0 - alpha) + alpha

    def render(self, strokes):
        self.clear()
        for k in range(K):
            self.stamp(strokes["centre"][k], strokes["log_sigma"][k], strokes["ink"][k])
        return self.canvas


def init_strokes(seed):
    rng = np.random.default_rng(seed)
    return {
        "centre": tf.Variable(rng.uniform(0.2, 0.8, (K, 2)).astype("float32"), name="centre"),
        "log_sigma": tf.Variable(tf.fill([K], math.log(0.1)), name="log_sigma"),
        "ink": tf.Variable(tf.zeros([K]), name="ink"),
    }


def train(steps=25):
    target = target_picture()
    strokes = init_strokes(4)
    painter = Renderer(SIZE)
    variables = list(strokes.values())
    opt = tf.keras.optimizers.Adam(0.03)
    for i in range(steps):
        with tf.GradientTape() as tape:
            picture = painter.render(strokes)
            err = tf.reduce_mean(tf.square(picture - target))
            spread = 1e-3 * tf.reduce_mean(tf.nn.relu(tf.norm(picture - 0.5) - 10.0))
            loss = err + spread
        grads = tape.gradient(loss, variables)
        opt.apply_gradients(zip(grads, variables))
        if i % 6 == 0:
            print(i, float(err))
    return strokes


if __name__ == "__main__":
    final = train()
    print({k: np.round(v.numpy(), 2).tolist() for k, v in final.items()})
