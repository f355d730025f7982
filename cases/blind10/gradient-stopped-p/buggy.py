"""BYOL-like pretraining on satellite patches (synthetic)."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers

SEED, SIDE, DIM = 13, 12, 16


def patches(n):
    rng = np.random.RandomState(SEED)
    base = rng.rand(n, 3, 3, 4)
    return np.kron(base, np.ones((1, 4, 4, 1))).astype("float32")


def augment(x):
    x = tf.image.random_flip_left_right(x)
    x = x + tf.random.normal(tf.shape(x), stddev=0.05)
    return x * tf.random.uniform([tf.shape(x)[0], 1, 1, 4], 0.8, 1.2)


def backbone(name):
    return keras.Sequential([
        layers.Input((SIDE, SIDE, 4)),
        layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(DIM),
    ], name=name)


def regression_loss(a, b):
    """2 - 2 cos(a, b); one side is a constant."""
    a = tf.stop_gradient(tf.math.l2_normalize(a, axis=-1))
    b = tf.math.l2_normalize(b, axis=-1)
    return tf.reduce_mean(2.0 - 2.0 * tf.reduce_sum(a * b, axis=-1))


class Byol:
    def __init__(self, tau=0.98, lr=2e-3):
        self.online, self.target = backbone("online"), backbone("target")
        self.predictor = keras.Sequential([layers.Input((DIM,)), layers.Dense(DIM, activation="relu"),
                                           layers.Dense(DIM)], name="predictor")
        self.target.set_weights(self.online.get_weights())
        self.target.trainable = False
        self.tau, self.opt = tau, keras.optimizers.Adam(lr)

    @property
    def learnable(self):
        return self.online.trainable_variables + self.predictor.trainable_variables

    def one_way(self, view_a, view_b):
        prediction = self.predictor(self.online(view_a))
        projection = self.target(view_b)
        return regression_loss(prediction, projection)

    def update(self, x):
        v1, v2 = augment(x), augment(x)
        with tf.GradientTape() as tape:
            loss = 0.5 * (self.one_way(v1, v2) + self.one_way(v2, v1))
        grads = tape.gradient(loss, self.learnable)
        self.opt.apply_gradients(zip(grads, self.learnable))
        self.follow()
        return loss

    def follow(self):
        for t, o in zip(self.target.weights, self.online.weights):
            t.assign(self.tau * t + (1.0 - self.tau) * o)


def main():
    keras.utils.set_random_seed(SEED)
    data = tf.data.Dataset.from_tensor_slices(patches(160)).shuffle(160, seed=SEED).batch(32)
    learner = Byol()
    for epoch in range(4):
        loss = np.mean([float(learner.update(x)) for x in data])
        print(f"epoch {epoch}: loss {loss:.4f}")


if __name__ == "__main__":
    main()
