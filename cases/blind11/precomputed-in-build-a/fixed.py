"""n-step TD agent with noisy exploration layers (Fortunato et al. 2018)."""
from collections import deque

import numpy as np
import tensorflow as tf
from tensorflow.keras import initializers, layers, optimizers


class NoisyDense(layers.Layer):
    """Factorised gaussian noise."""

    def __init__(self, units, std_init=0.5, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.std_init = std_init
        self.activation = tf.keras.activations.get(activation)

    @staticmethod
    def _f(x):
        return tf.sign(x) * tf.sqrt(tf.abs(x))

    def build(self, input_shape):
        n = input_shape[-1]
        bound = 1. / np.sqrt(n)
        mu_init = initializers.RandomUniform(-bound, bound)
        sigma_init = initializers.Constant(self.std_init / np.sqrt(n))
        self.mu_w = self.add_weight(name='mu_w', shape=(n, self.units), initializer=mu_init)
        self.sigma_w = self.add_weight(name='sigma_w', shape=(n, self.units), initializer=sigma_init)
        self.mu_b = self.add_weight(name='mu_b', shape=(self.units,), initializer=mu_init)
        self.sigma_b = self.add_weight(name='sigma_b', shape=(self.units,), initializer=sigma_init)

    def call(self, inputs):
        eps_in = self._f(tf.random.normal((inputs.shape[-1], 1)))
        eps_out = self._f(tf.random.normal((1, self.units)))
        kernel = self.mu_w + self.sigma_w * (eps_in * eps_out)
        bias = self.mu_b + self.sigma_b * eps_out[0]
        return self.activation(tf.matmul(inputs, kernel) + bias)


def basic_nstep_td(obs_dim, num_actions):
    return tf.keras.Sequential([
        layers.Input((obs_dim,)),
        layers.Dense(32, activation='relu', kernel_initializer='he_uniform'),
        layers.Dense(32, activation='relu', kernel_initializer='he_uniform'),
        NoisyDense(num_actions, name='noisy_dense'),
    ], name='basic_nstepTD')


class NstepTDAgent:
    def __init__(self, model, target_model, lr=2e-3, n_step=3, gamma=.95):
        self.model, self.target_model = model, target_model
        self.model.compile(optimizer=optimizers.Adam(lr), loss='mse')
        self.update_target_model()
        self.n_step, self.gamma = n_step, gamma
        self.replay = deque(maxlen=600)
        self.rng = np.random.default_rng(0)

    def update_target_model(self):
        self.target_model.set_weights(self.model.get_weights())

    def collect(self, n):
        for _ in range(n):
            s = self.rng.normal(size=4)
            a = self.rng.integers(2)
            r = sum(self.gamma ** k * (s[0] if a else -s[0]) for k in range(self.n_step))
            self.replay.append((s, a, r, s + 0.1 * self.rng.normal(size=4)))

    def train_step(self, batch_size=64):
        idx = self.rng.choice(len(self.replay), batch_size)
        s, a, r, s2 = (np.array(v, 'float32') for v in zip(*[self.replay[i] for i in idx]))
        boot = np.max(self.target_model(s2), axis=-1)
        target_q = np.array(self.model(s))
        target_q[np.arange(batch_size), a.astype(int)] = r + self.gamma ** self.n_step * 0.1 * boot
        return self.model.train_on_batch(s, target_q)


tf.keras.utils.set_random_seed(5)
agent = NstepTDAgent(basic_nstep_td(4, 2), basic_nstep_td(4, 2))
agent.collect(600)
for t in range(1, 121):
    loss = agent.train_step()
    if t % 30 == 0:
        agent.update_target_model()
        print(t, 'td loss %.4f' % float(loss), 'mean sigma %.4f' % float(tf.reduce_mean(agent.model.get_layer('noisy_dense').sigma_w)))
