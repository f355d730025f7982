"""Calibrates an SIR model to weekly case counts."""
import numpy as np
import tensorflow as tf
import tf_keras


class Epidemic:
    def __init__(self, population, first_cases):
        self.n = float(population)
        self.i0 = float(first_cases)
        # unconstrained, softplus keeps the rates positive
        self.raw_beta = tf.Variable(-0.3, name="raw_beta")
        self.raw_gamma = tf.Variable(-0.9, name="raw_gamma")

    @property
    def parameters(self):
        return [self.raw_beta, self.raw_gamma]

    def rates(self):
        return tf.nn.softplus(self.raw_beta), tf.nn.softplus(self.raw_gamma)

    def simulate(self, days):
        beta, gamma = self.rates()
        s, i = tf.constant(self.n - self.i0), tf.constant(self.i0)
        curve = []
        for _ in range(days):
            new = beta * s * i / self.n
            s, i = s - new, i + new - gamma * i
            curve.append(i)
        return tf.stack(curve)


def observed_curve(days):
    truth = Epidemic(1000, 5)
    truth.raw_beta.assign(np.log(np.expm1(0.55)))
    truth.raw_gamma.assign(np.log(np.expm1(0.20)))
    noise = np.random.RandomState(3).normal(0, 4, days).astype("float32")
    return truth.simulate(days) + noise


class Calibration:
    def __init__(self, model, observed, lr):
        self.model, self.observed = model, observed
        self.opt = tf_keras.optimizers.Adam(learning_rate=lr)
        self.trace = []

    def misfit(self):
        sim = self.model.simulate(len(self.observed))
        return tf.reduce_mean(tf.square((sim - self.observed) / 100.0))

    def run(self, iterations):
        for k in range(iterations):
            loss = self.misfit()
            self.opt.minimize(self.misfit, var_list=self.model.parameters)
            self.trace.append(float(loss))
            if k % 20 == 0:
                b, g = self.model.rates()
                print(f"{k:3d}  misfit {self.trace[-1]:.4f}  beta {float(b):.3f}  gamma {float(g):.3f}")
        return self.trace


if __name__ == "__main__":
    model = Epidemic(1000, 5)
    job = Calibration(model, observed_curve(40), lr=0.03)
    trace = job.run(61)
    print("improved", trace[-1] < trace[0])
