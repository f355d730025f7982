# Knowledge distillation for human activity recognition: big GRU teacher, small conv student.
import keras
import numpy as np
import tensorflow as tf
from keras import layers

CLASSES, STEPS, CHANNELS = 5, 30, 3


def accelerometer(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, CLASSES, n)
    t = np.arange(STEPS)
    tempo = 0.2 + 0.4 * y
    phase = rng.uniform(0, 6.28, (n, 1, CHANNELS))
    x = np.sin(tempo[:, None, None] * t[None, :, None] + phase) + 0.4 * rng.normal(size=(n, STEPS, CHANNELS))
    return x.astype("float32"), y.astype("int32")


def teacher_net():
    return keras.Sequential(
        [keras.Input((STEPS, CHANNELS)), layers.Conv1D(24, 5, activation="relu"), layers.GRU(24), layers.Dense(CLASSES)],
        name="teacher",
    )


def student_net():
    return keras.Sequential(
        [
            keras.Input((STEPS, CHANNELS)),
            layers.Conv1D(8, 5, strides=2, activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(CLASSES),
        ],
        name="student",
    )


class Distiller(keras.Model):
    def __init__(self, student, teacher, temperature=3.0, alpha=0.3):
        super().__init__()
        self.student = student
        self.teacher = teacher
        self.teacher.trainable = False
        self.temperature, self.alpha = temperature, alpha
        self.kl = keras.losses.KLDivergence()
        self.ce = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.trackers = {k: keras.metrics.Mean(name=k) for k in ("hard", "soft")}
        self.acc = keras.metrics.SparseCategoricalAccuracy(name="acc")

    @property
    def metrics(self):
        return [*self.trackers.values(), self.acc]

    def call(self, x, training=False):
        return self.student(x, training=training)

    def train_step(self, data):
        x, y = data
        wisdom = tf.nn.softmax(self.teacher(x, training=False) / self.temperature)
        with tf.GradientTape() as tape:
            logits = self.student(x, training=True)
            hard = self.ce(y, logits)
            soft = self.kl(wisdom, tf.nn.softmax(logits / self.temperature)) * self.temperature**2
            loss = self.alpha * hard + (1.0 - self.alpha) * soft
        weights = self.student.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        self.trackers["hard"].update_state(hard)
        self.trackers["soft"].update_state(soft)
        self.acc.update_state(y, logits)
        return {m.name: m.result() for m in self.metrics}

    def test_step(self, data):
        x, y = data
        self.acc.update_state(y, self(x))
        return {"acc": self.acc.result()}


if __name__ == "__main__":
    keras.utils.set_random_seed(28)
    (x, y), (xv, yv) = accelerometer(400, 0), accelerometer(100, 1)
    teacher = teacher_net()
    teacher.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    t = teacher.fit(x, y, epochs=8, batch_size=25, verbose=0)
    print("teacher accuracy", round(t.history["accuracy"][-1], 3))
    distiller = Distiller(student_net(), teacher)
    distiller.compile(optimizer=keras.optimizers.Adam(1e-2))
    s = distiller.fit(x, y, epochs=8, batch_size=25, verbose=0)
    for k in ("hard", "soft", "acc"):
        print(k, np.round(s.history[k], 3))
    print("held out", distiller.evaluate(xv, yv, verbose=0, return_dict=True))
