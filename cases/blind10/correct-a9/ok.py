"""MAML for sine regression. Fast weights are plain tensors, only the slow weights are variables."""
import functools

import numpy as np
import tensorflow as tf


def glorot(rng, a, b):
    return tf.constant(rng.uniform(-1, 1, (a, b)) * np.sqrt(6.0 / (a + b)), tf.float32)


def init_slow(rng, sizes=(1, 32, 32, 1)):
    slow = {}
    for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:])):
        slow[f"w{i}"] = tf.Variable(glorot(rng, a, b), name=f"w{i}")
        slow[f"b{i}"] = tf.Variable(tf.zeros([b]), name=f"b{i}")
    return slow


def forward(weights, x):
    depth = len(weights) // 2
    for i in range(depth):
        x = tf.matmul(x, weights[f"w{i}"]) + weights[f"b{i}"]
        if i < depth - 1:
            x = tf.nn.tanh(x)
    return x


def mse(weights, x, y):
    return tf.reduce_mean(tf.square(forward(weights, x) - y))


def adapt(weights, x, y, inner_lr, steps, first_order=False):
    fast = {k: tf.identity(v) for k, v in weights.items()}
    for _ in range(steps):
        with tf.GradientTape() as inner:
            inner.watch(fast)
            loss = mse(fast, x, y)
        grads = inner.gradient(loss, fast)
        if first_order:
            grads = tf.nest.map_structure(tf.stop_gradient, grads)
        fast = {k: fast[k] - inner_lr * grads[k] for k in fast}
    return fast


class SineTasks:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def draw(self, shots):
        amp, phase = self.rng.uniform(0.5, 2.0), self.rng.uniform(0, np.pi)

        def points(n):
            x = self.rng.uniform(-3, 3, (n, 1)).astype("float32")
            return tf.constant(x), tf.constant(amp * np.sin(x + phase), tf.float32)

        return points(shots), points(shots)


def meta_train(tasks, slow, opt, iterations, tasks_per_step=4, shots=10):
    adapt_fn = functools.partial(adapt, inner_lr=0.05, steps=2)
    params = list(slow.values())
    history = []
    for _ in range(iterations):
        episodes = [tasks.draw(shots) for _ in range(tasks_per_step)]
        with tf.GradientTape() as outer:
            losses = []
            for support, query in episodes:
                fast = adapt_fn(slow, *support)
                losses.append(mse(fast, *query))
            meta_loss = tf.reduce_mean(tf.stack(losses))
        opt.apply_gradients(zip(outer.gradient(meta_loss, params), params))
        history.append(meta_loss.numpy())
    return history


if __name__ == "__main__":
    slow = init_slow(np.random.default_rng(6))
    history = meta_train(SineTasks(6), slow, tf.keras.optimizers.Adam(5e-3), iterations=80)
    print("meta loss", [round(float(np.mean(c)), 3) for c in np.array_split(history, 5)])
    support, query = SineTasks(99).draw(10)
    for steps in (0, 1, 3):
        print(f"{steps} adaptation steps: mse {float(mse(adapt(slow, *support, 0.05, steps), *query)):.3f}")
