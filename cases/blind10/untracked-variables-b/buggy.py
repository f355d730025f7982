"""Population pharmacokinetics: one-compartment model with oral absorption, plus a network for patient effects."""
import keras
import numpy as np
import tensorflow as tf

SAMPLE_TIMES = np.array([0.25, 0.5, 1, 2, 4, 6, 8, 12], dtype="float32")  # hours
TRUTH = {"ka": 1.6, "ke": 0.25, "volume": 12.0}


def bateman(dose, ka, ke, volume, t):
    return dose * ka / (volume * (ka - ke)) * (tf.exp(-ke * t) - tf.exp(-ka * t))


class Compartment(keras.layers.Layer):
    """Structural model. Typical values are kept in log space."""

    def __init__(self, guess, **kwargs):
        super().__init__(**kwargs)
        self.log_ka = tf.Variable(np.log(guess["ka"]).astype("float32"), trainable=True, name="log_ka")
        self.log_ke = tf.Variable(np.log(guess["ke"]).astype("float32"), trainable=True, name="log_ke")
        self.log_v = tf.Variable(np.log(guess["volume"]).astype("float32"), trainable=True, name="log_v")

    def call(self, dose, effect):
        ka = tf.exp(self.log_ka)
        ke = tf.exp(self.log_ke + effect[:, :1])
        volume = tf.exp(self.log_v + effect[:, 1:])
        return bateman(dose, ka, ke, volume, SAMPLE_TIMES[None, :])

    def typical(self):
        return {k: round(float(tf.exp(v)), 3) for k, v in zip(TRUTH, (self.log_ka, self.log_ke, self.log_v))}


class PopPK(keras.Model):
    def __init__(self, guess):
        super().__init__()
        self.covariates = keras.Sequential(
            [keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(2, use_bias=False)]
        )
        self.structure = Compartment(guess, name="structure")

    def call(self, inputs):
        dose, patient = inputs
        return self.structure(dose, self.covariates(patient))


def trial(n=160, seed=0):
    rng = np.random.default_rng(seed)
    patient = rng.normal(size=(n, 3)).astype("float32")  # scaled weight, age, creatinine
    dose = rng.choice([100.0, 200.0], size=(n, 1)).astype("float32")
    ke = TRUTH["ke"] * np.exp(-0.2 * patient[:, 2:])
    vol = TRUTH["volume"] * np.exp(0.15 * patient[:, :1])
    conc = bateman(dose, TRUTH["ka"], ke, vol, SAMPLE_TIMES[None]).numpy()
    return (dose, patient), (conc * np.exp(0.05 * rng.normal(size=conc.shape))).astype("float32")


class Log(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch % 10 == 0:
            print(f"epoch {epoch:3d} loss {logs['loss']:.4f} {self.model.structure.typical()}")


keras.utils.set_random_seed(44)
inputs, conc = trial()
pk = PopPK({"ka": 0.8, "ke": 0.5, "volume": 20.0})
pk.compile(optimizer=keras.optimizers.Adam(0.02), loss="mae")
pk.fit(inputs, conc, epochs=41, batch_size=40, verbose=0, callbacks=[Log()])
print("truth", TRUTH)
