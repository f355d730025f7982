"""Isometric-ish embedding of a pose space: the embedding should be locally flat,
so we penalise the Hessian of the embedding with respect to the joint angles."""
import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(5)


class FlatEmbedding:
    def __init__(self, n_in=3, n_out=2, weight=0.05):
        self.weight = weight
        self.net = tf.keras.Sequential([
            tf.keras.layers.Input((n_in,)),
            tf.keras.layers.Dense(24, activation="tanh"),
            tf.keras.layers.Dense(24, activation="tanh"),
            tf.keras.layers.Dense(n_out, use_bias=False),
        ])
        self.opt = tf.keras.optimizers.Adam(3e-3)

    def hessian(self, x):
        """[batch, out, in, in]"""
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = self.net(x)
            grads = tape.batch_jacobian(y, x)
        return outer.batch_jacobian(grads, x)

    def curvature(self, x):
        h = self.hessian(x)
        return tf.reduce_mean(tf.reduce_sum(tf.square(h), axis=[1, 2, 3]))

    @tf.function
    def train_step(self, x, dist):
        with tf.GradientTape() as tape:
            z = self.net(x)
            dz = tf.sqrt(tf.reduce_sum((z[:, None] - z[None]) ** 2, -1) + 1e-8)
            stress = tf.reduce_mean((dz - dist) ** 2)
            curv = self.curvature(x)
            loss = stress + self.weight * curv
        grads = tape.gradient(loss, self.net.trainable_variables)
        self.opt.apply_gradients(zip(grads, self.net.trainable_variables))
        return stress, curv


rng = np.random.default_rng(1)
angles = rng.uniform(-1.5, 1.5, size=(96, 3)).astype("float32")
tips = np.stack([np.cos(angles).sum(1), np.sin(angles).sum(1)], 1)

model = FlatEmbedding()
for epoch in range(6):
    order = rng.permutation(96)
    for k in range(0, 96, 32):
        i = order[k:k + 32]
        d = np.linalg.norm(tips[i][:, None] - tips[i][None], axis=-1).astype("float32")
        stress, curv = model.train_step(tf.constant(angles[i]), d)
    print(f"epoch {epoch}  stress {float(stress):.4f}  curvature {float(curv):.5f}")
print("max |H|", np.abs(model.hessian(tf.constant(angles[:4])).numpy()).max())
