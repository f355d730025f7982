"""
Battery cells: remaining capacity and internal resistance from the last charge curve.
Homoscedastic task uncertainty (Kendall et al.) balances the two regressions.
"""
import numpy as np
import tensorflow as tf


class UncertaintyWeighting(tf.Module):
    def __init__(self, tasks):
        super().__init__(name="uncertainty")
        self.log_var = {t: tf.Variable(0.0, name=f"log_var_{t}") for t in tasks}

    def __call__(self, losses):
        total = 0.0
        for task, value in losses.items():
            s = self.log_var[task]
            total += 0.5 * tf.exp(-s) * value + 0.5 * s
        return total

    def sigmas(self):
        return {t: round(float(tf.exp(0.5 * s)), 3) for t, s in self.log_var.items()}


class TwoHeadNet(tf.keras.Model):
    def __init__(self, width=24):
        super().__init__()
        self.trunk = [tf.keras.layers.Dense(width, activation="swish") for _ in range(2)]
        self.heads = {"capacity": tf.keras.layers.Dense(1), "resistance": tf.keras.layers.Dense(1)}

    def build(self, shape):
        width = shape[-1]
        for layer in self.trunk:
            layer.build((None, width))
            width = layer.units
        for head in self.heads.values():
            head.build((None, width))
        self.built = True

    def call(self, curve):
        h = curve
        for layer in self.trunk:
            h = layer(h)
        return {name: tf.squeeze(head(h), -1) for name, head in self.heads.items()}


def charge_curves(n, points=20):
    rng = np.random.default_rng(16)
    cap = rng.uniform(0.7, 1.0, n)
    res = rng.uniform(20, 60, n)
    t = np.linspace(0, 1, points)
    volts = 3.2 + 0.9 * t[None] / cap[:, None] - 0.004 * res[:, None] * (1 - t[None] ** 2)
    volts += 0.01 * rng.normal(size=volts.shape)
    curves = ((volts - volts.mean(0)) / volts.std(0)).astype("float32")
    return curves, {"capacity": cap.astype("float32"), "resistance": (res / 10).astype("float32")}


def train(epochs=8, batch=32, lr=4e-3):
    tf.keras.utils.set_random_seed(2)
    curves, targets = charge_curves(320)
    ds = tf.data.Dataset.from_tensor_slices((curves, targets)).shuffle(320, seed=0).batch(batch)
    net, balance = TwoHeadNet(), UncertaintyWeighting(["capacity", "resistance"])
    net.build(curves.shape)
    opt = tf.keras.optimizers.Adam(lr)
    learnable = net.trainable_variables

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            out = net(x, training=True)
            losses = {t: tf.reduce_mean(tf.square(out[t] - y[t])) for t in y}
            objective = balance(losses)
        opt.apply_gradients(zip(tape.gradient(objective, learnable), learnable))
        return losses

    for epoch in range(epochs):
        logs = [step(x, y) for x, y in ds]
        mean = {t: round(float(np.mean([l[t] for l in logs])), 4) for t in logs[0]}
        print(epoch, mean, "sigma", balance.sigmas())


if __name__ == "__main__":
    train()
