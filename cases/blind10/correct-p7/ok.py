"""Mean teacher: few labelled, many unlabelled power-plant windows."""
from types import SimpleNamespace

import keras
import numpy as np
import tensorflow as tf

cfg = SimpleNamespace(sensors=6, labelled=40, unlabelled=400, batch=40, steps=120, decay=0.95, ramp=60, seed=36)


def plant(n, rng):
    state = rng.integers(0, 2, n)
    base = np.where(state[:, None] == 0, np.array([[1, 0, .5, -1, 0, .3]]), np.array([[-.6, .8, 0, .4, -.5, .3]]))
    return (base + 0.7 * rng.normal(size=(n, cfg.sensors))).astype("float32"), state.astype("int32")


def classifier():
    return keras.Sequential([
        keras.Input((cfg.sensors,)),
        keras.layers.GaussianNoise(0.2),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.Dense(2),
    ])


class MeanTeacher(tf.Module):
    def __init__(self):
        super().__init__()
        self.student, self.teacher = classifier(), classifier()
        for t, s in zip(self.teacher.weights, self.student.weights):
            t.assign(s)
        self.opt = keras.optimizers.Adam(5e-3)
        self.opt.build(self.student.trainable_variables)

    def consistency(self, x):
        target = tf.stop_gradient(tf.nn.softmax(self.teacher(x, training=True)))
        return tf.reduce_mean(tf.square(tf.nn.softmax(self.student(x, training=True)) - target))

    @tf.function
    def step(self, x_l, y_l, x_u, weight):
        with tf.GradientTape() as tape:
            ce = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=y_l, logits=self.student(x_l, training=True)))
            cons = self.consistency(tf.concat([x_l, x_u], 0))
            loss = ce + weight * cons
        grads = tape.gradient(loss, self.student.trainable_variables)
        self.opt.apply_gradients(zip(grads, self.student.trainable_variables))
        for t, s in zip(self.teacher.weights, self.student.weights):
            if t.dtype.startswith("float"):
                t.assign(cfg.decay * t + (1.0 - cfg.decay) * s)
        return ce, cons


def rampup(step):
    return float(np.exp(-5.0 * (1.0 - min(1.0, step / cfg.ramp)) ** 2))


def main():
    keras.utils.set_random_seed(cfg.seed)
    rng = np.random.default_rng(cfg.seed)
    (xl, yl), (xu, _), (xt, yt) = plant(cfg.labelled, rng), plant(cfg.unlabelled, rng), plant(300, rng)
    mt = MeanTeacher()
    for step in range(cfg.steps):
        pick = rng.choice(cfg.unlabelled, cfg.batch, replace=False)
        ce, cons = mt.step(tf.constant(xl), tf.constant(yl), tf.constant(xu[pick]), tf.constant(rampup(step)))
        if step % 30 == 0 or step == cfg.steps - 1:
            acc = {n: float((np.argmax(m(xt).numpy(), 1) == yt).mean()) for n, m in
                   (("student", mt.student), ("teacher", mt.teacher))}
            print(f"{step:3d} ce {float(ce):.3f} consistency {float(cons):.4f}", acc)


main()
