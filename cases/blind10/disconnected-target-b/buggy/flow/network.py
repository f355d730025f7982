import tensorflow as tf


class FieldNet(tf.Module):
    """u(x, t) for the 1D advection equation."""

    def __init__(self, width=20, depth=2, seed=0):
        super().__init__(name="field")
        sizes = [2] + [width] * depth + [1]
        init = tf.keras.initializers.GlorotNormal(seed=seed)
        self.mats = [
            tf.Variable(init((a, b)), name=f"W{i}") for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:]))
        ]
        self.shifts = [tf.Variable(tf.zeros([b]), name=f"b{i}") for i, b in enumerate(sizes[1:])]

    def __call__(self, x, t):
        h = tf.concat([x, t], axis=1)
        for w, b in zip(self.mats[:-1], self.shifts[:-1]):
            h = tf.tanh(h @ w + b)
        return h @ self.mats[-1] + self.shifts[-1]


_DEFAULTS = {"width": 20, "depth": 2, "seed": 0}


def make_field(**overrides):
    return FieldNet(**{**_DEFAULTS, **overrides})
