"""Road scene multi task net: drivable mask, depth and a scene label from one trunk."""
from collections import OrderedDict

import keras
import numpy as np
import tensorflow as tf
from keras import layers

TASK_WEIGHTS = {"mask": 1.0, "depth": 0.5, "scene": 0.3}
H = W = 16


def scenes(n):
    rng = np.random.RandomState(40)
    img = rng.uniform(0, 0.2, (n, H, W, 3))
    mask, depth = np.zeros((n, H, W, 1)), np.zeros((n, H, W, 1))
    scene = rng.randint(0, 3, n)
    for k in range(n):
        horizon = 4 + 3 * scene[k]
        img[k, horizon:, :, scene[k]] += 0.7
        mask[k, horizon:] = 1
        depth[k, :, :, 0] = np.linspace(1, 0, H)[:, None] * (1 + 0.2 * scene[k])
    f = lambda a: a.astype("float32")
    return f(img), {"mask": f(mask), "depth": f(depth), "scene": scene.astype("int64")}


def build_net():
    img = keras.Input((H, W, 3))
    t = layers.Conv2D(12, 3, padding="same", activation="relu")(img)
    t = layers.Conv2D(12, 3, padding="same", activation="relu")(t)
    return keras.Model(img, OrderedDict(
        mask=layers.Conv2D(1, 1, name="mask")(t),
        depth=layers.Conv2D(1, 1, name="depth")(t),
        scene=layers.Dense(3, name="scene")(layers.GlobalAveragePooling2D()(t)),
    ))


def criterion(task, truth, pred):
    if task == "mask":
        per = tf.nn.sigmoid_cross_entropy_with_logits(labels=truth, logits=pred)
    elif task == "depth":
        per = tf.abs(truth - pred)
    else:
        per = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=truth, logits=pred)
    return tf.reduce_mean(per)


class MultiTaskLearner:
    def __init__(self, net, weights, lr):
        self.net, self.weights = net, weights
        self.opt = keras.optimizers.Adam(lr)
        self.history = {t: [] for t in weights}

    def task_losses(self, images, truth):
        pred = self.net(images, training=True)
        return {t: criterion(t, truth[t], pred[t]) for t in self.weights}

    def combine(self, losses):
        return tf.add_n([w * losses[t] for t, w in self.weights.items()])

    def step(self, images, truth):
        with tf.GradientTape() as tape:
            losses = self.task_losses(images, truth)
            total = self.combine(losses)
        params = self.net.trainable_weights
        self.opt.apply_gradients(zip(tape.gradient(total, params), params))
        for t, l in losses.items():
            self.history[t].append(float(l))
        return float(total)


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    ds = tf.data.Dataset.from_tensor_slices(scenes(96)).shuffle(96, seed=0).batch(16)
    learner = MultiTaskLearner(build_net(), TASK_WEIGHTS, lr=5e-3)
    for epoch in range(4):
        totals = [learner.step(img, truth) for img, truth in ds]
        print(f"epoch {epoch} total {np.mean(totals):.3f}",
              {t: round(float(np.mean(h[-6:])), 3) for t, h in learner.history.items()})
