# Claim frequency, Poisson regression with exposure (part of a year the policy was in force)
import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(77)
REGIONS = 6


def policies(n=800):
    rng = np.random.default_rng(77)
    age = rng.uniform(18, 80, n)
    power = rng.uniform(4, 12, n)
    region = rng.integers(0, REGIONS, n)
    exposure = rng.uniform(0.1, 1.0, n)
    rate = np.exp(-1.5 + 0.8 * (age < 26) + 0.08 * (power - 8) + 0.1 * (region - 3))
    claims = rng.poisson(rate * exposure)
    features = {
        "numeric": np.stack([(age - 45) / 20, (power - 8) / 3], 1).astype("float32"),
        "region": region.astype("int32")[:, None],
        "exposure": exposure.astype("float32")[:, None],
    }
    return features, (claims / exposure).astype("float32")[:, None]


def exposure_weighted(base, exposure):
    """Frequencies of short policies are noisy, they count less."""
    def loss(freq, predicted):
        per_policy = base(freq, predicted)
        w = tf.squeeze(exposure, -1)
        return tf.reduce_sum(w * per_policy) / tf.reduce_sum(w)
    return loss


def deviance(freq, predicted):
    predicted = tf.maximum(predicted, 1e-6)
    log_term = tf.where(freq > 0, freq * tf.math.log(tf.maximum(freq, 1e-6) / predicted), 0.0)
    return 2.0 * tf.reduce_sum(log_term - (freq - predicted), axis=-1)


def frequency_model(learning_rate=0.01):
    numeric = keras.Input((2,), name="numeric")
    region = keras.Input((1,), name="region", dtype="int32")
    exposure = keras.Input((1,), name="exposure")
    r = layers.Flatten()(layers.Embedding(REGIONS, 2)(region))
    h = layers.Dense(16, activation="tanh")(layers.Concatenate()([numeric, r]))
    freq = layers.Dense(1, activation="exponential", name="frequency")(h)
    model = keras.Model({"numeric": numeric, "region": region, "exposure": exposure}, freq)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate),
                  loss=exposure_weighted(deviance, exposure))
    return model


features, frequency = policies()
glm = frequency_model()
hist = glm.fit(features, frequency, batch_size=100, epochs=6, verbose=0)
print("deviance", [round(v, 3) for v in hist.history["loss"]])
print("portfolio frequency %.3f, predicted %.3f" % (
    np.average(frequency, weights=features["exposure"]),
    np.average(glm.predict(features, verbose=0), weights=features["exposure"])))
