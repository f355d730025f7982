"""MAML on sinusoids, several SGD steps in the inner loop."""
import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np
import tensorflow as tf
from tensorflow import keras

tf.keras.utils.set_random_seed(333)


class SinusoidGenerator:
    def __init__(self, K=10, amplitude=None, phase=None):
        self.K = K
        self.amplitude = amplitude if amplitude else np.random.uniform(0.1, 5.0)
        self.phase = phase if phase else np.random.uniform(0, np.pi)

    def batch(self):
        x = np.random.uniform(-5, 5, (self.K, 1)).astype("float32")
        return x, (self.amplitude * np.sin(x - self.phase)).astype("float32")


class SineModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden1 = keras.layers.Dense(20, input_shape=(1,))
        self.hidden2 = keras.layers.Dense(20)
        self.out = keras.layers.Dense(1)

    def forward(self, x):
        x = keras.activations.relu(self.hidden1(x))
        x = keras.activations.relu(self.hidden2(x))
        return self.out(x)


def compute_loss(model, x, y):
    return tf.reduce_mean(tf.square(y - model.forward(x)))


def copy_model(model, x):
    copied = SineModel()
    copied.forward(tf.convert_to_tensor(x))
    return copied


def adapt(model, x, y, lr_inner, steps):
    """returns a copy of the model after some steps of SGD on the task"""
    for _ in range(steps):
        with tf.GradientTape() as train_tape:
            train_loss = compute_loss(model, x, y)
        gradients = train_tape.gradient(train_loss, model.trainable_variables)
        model_copy = copy_model(model, x)
        k = 0
        for j in range(len(model_copy.layers)):
            model_copy.layers[j].kernel = tf.subtract(model.layers[j].kernel, tf.multiply(lr_inner, gradients[k]))
            model_copy.layers[j].bias = tf.subtract(model.layers[j].bias, tf.multiply(lr_inner, gradients[k + 1]))
            k += 2
        model = model_copy
    return model


def train_maml(model, tasks, lr_inner=0.01, inner_steps=3, log_every=12):
    optimizer = keras.optimizers.Adam(1e-3)
    total = 0.0
    for i, task in enumerate(tasks):
        x, y = task.batch()
        model.forward(x)
        with tf.GradientTape() as test_tape:
            adapted = adapt(model, x, y, lr_inner, inner_steps)
            x_q, y_q = task.batch()
            test_loss = compute_loss(adapted, x_q, y_q)
        gradients = test_tape.gradient(test_loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        total += float(test_loss)
        if i % log_every == log_every - 1:
            print("Step {}: loss = {:.4f}".format(i + 1, total / log_every))
            total = 0.0


train_maml(SineModel(), [SinusoidGenerator() for _ in range(36)])
