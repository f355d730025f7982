"""Domain adaptation for sensor data: labels on the source machine only, features aligned with DANN."""
import numpy as np
import tensorflow as tf
from tensorflow import keras

SETTINGS = {
    "feature_dim": 16,
    "steps": 40,
    "batch": 32,
    "lr": 2e-3,
    "reversal": 0.3,
    "weights": {"fault": 1.0, "machine": 1.0, "recon": 0.1},
}


@tf.custom_gradient
def flip_gradient(x, scale):
    def grad(dy):
        return -scale * dy, None

    return tf.identity(x), grad


class AdaptNet:
    def __init__(self, s):
        d = s["feature_dim"]
        self.scale = tf.constant(s["reversal"])
        self.extract = keras.Sequential([keras.Input((20,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(d, "relu")])
        self.fault = keras.Sequential([keras.Input((d,)), keras.layers.Dense(4)])
        self.machine = keras.Sequential([keras.Input((d,)), keras.layers.Dense(12, "relu"), keras.layers.Dense(1)])
        self.recon = keras.Sequential([keras.Input((d,)), keras.layers.Dense(20)])

    @property
    def parts(self):
        return {"extract": self.extract, "fault": self.fault, "machine": self.machine, "recon": self.recon}

    def variables(self):
        return [v for part in self.parts.values() for v in part.trainable_variables]

    def losses(self, xs, ys, xt):
        both = tf.concat([xs, xt], axis=0)
        z = self.extract(both)
        n = tf.shape(xs)[0]
        origin = tf.concat([tf.zeros([n, 1]), tf.ones([tf.shape(xt)[0], 1])], axis=0)
        machine_logit = self.machine(flip_gradient(z, self.scale))
        return {
            "fault": tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=ys, logits=self.fault(z[:n]))
            ),
            "machine": tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=origin, logits=machine_logit)),
            "recon": tf.reduce_mean(tf.square(self.recon(z) - both)),
        }


def combine(terms, weights):
    return tf.add_n([w * terms[name] for name, w in weights.items()])


def machines(seed):
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(4, 20))
    shift = 0.7 * rng.normal(size=20)

    def draw(n, target):
        y = rng.integers(0, 4, n)
        x = basis[y] + 0.5 * rng.normal(size=(n, 20)) + (shift if target else 0.0)
        return x.astype("float32"), y.astype("int32")

    return draw


def main(s):
    keras.utils.set_random_seed(9)
    draw, net = machines(9), AdaptNet(s)
    opt = keras.optimizers.Adam(s["lr"])
    params = net.variables()
    for step in range(s["steps"]):
        xs, ys = draw(s["batch"], target=False)
        xt, _ = draw(s["batch"], target=True)
        with tf.GradientTape() as tape:
            terms = net.losses(xs, ys, xt)
            loss = combine(terms, s["weights"])
        opt.apply_gradients(zip(tape.gradient(loss, params), params))
        if step % 10 == 0:
            print(step, {k: round(float(v), 3) for k, v in terms.items()})
    xt, yt = draw(200, target=True)
    print("target accuracy", np.mean(np.argmax(net.fault(net.extract(xt)), axis=1) == yt))


main(SETTINGS)
