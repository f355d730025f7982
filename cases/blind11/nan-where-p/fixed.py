"""Dose response of a two arm trial, placebo included, random intercept per site."""
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(31)
N, SITES = 240, 6
dose = rng.choice([0.0, 5.0, 10.0, 20.0, 40.0], size=N).astype("float32")
site = rng.integers(SITES, size=N)
truth = np.where(dose > 0, 0.8 + 0.9 * np.log(np.maximum(dose, 1)), 0.5) + rng.normal(scale=0.3, size=SITES)[site]
response = (truth + rng.normal(scale=0.2, size=N)).astype("float32")


class DoseResponse(tf.Module):
    def __init__(self):
        super().__init__()
        self.e0 = tf.Variable(0.0, name="e0")
        self.intercept = tf.Variable(0.0, name="intercept")
        self.slope = tf.Variable(0.1, name="slope")
        self.site = tf.Variable(tf.zeros([SITES]), name="site")

    def effect(self, d):
        safe_d = tf.where(d > 0, d, tf.ones_like(d))
        return tf.where(d > 0, self.intercept + self.slope * tf.math.log(safe_d), self.e0 * tf.ones_like(d))

    def __call__(self, d, s):
        return self.effect(d) + tf.gather(self.site, s)


model = DoseResponse()
opt = tf.keras.optimizers.Adam(0.05)
data = tf.data.Dataset.from_tensor_slices((dose, site, response)).shuffle(N, seed=1).batch(48)

for epoch in range(20):
    total = 0.0
    for d, s, r in data:
        with tf.GradientTape() as tape:
            mse = tf.reduce_mean(tf.square(model(d, s) - r))
            loss = mse + 0.05 * tf.reduce_mean(tf.square(model.site))
        grads = tape.gradient(loss, model.trainable_variables)
        opt.apply_gradients(zip(grads, model.trainable_variables))
        total += float(mse)
    if epoch % 5 == 0:
        print("epoch", epoch, "mse", round(total / len(data), 4))
print({v.name: v.numpy().round(2) for v in model.trainable_variables})
