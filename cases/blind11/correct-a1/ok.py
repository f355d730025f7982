"""Implicit quantile agent in the style of dopamine: quantile Huber loss between two nets, sampled taus."""
import numpy as np
import tensorflow as tf


class QuantileNet(tf.keras.Model):
    def __init__(self, num_actions, embed=16, hidden=32):
        super().__init__()
        self.num_actions, self.embed = num_actions, embed
        self.state_net = tf.keras.layers.Dense(hidden, activation='relu')
        self.tau_net = tf.keras.layers.Dense(hidden, activation='relu')
        self.out = tf.keras.layers.Dense(num_actions)

    def call(self, inputs):
        state, tau = inputs                                         # (B, D), (B, N)
        i = tf.range(1, self.embed + 1, dtype=tf.float32)
        cosine = tf.cos(np.pi * tau[..., None] * i)                 # (B, N, embed)
        h = self.state_net(state)[:, None, :] * self.tau_net(cosine)
        return self.out(h)                                          # (B, N, A)


class IQNAgent:
    def __init__(self, obs_dim, num_actions, kappa=1.0, n_tau=8, gamma=0.9, sync=20):
        self.kappa, self.n_tau, self.gamma, self.sync = kappa, n_tau, gamma, sync
        self.online, self.target = QuantileNet(num_actions), QuantileNet(num_actions)
        dummy = tf.zeros((1, obs_dim)), tf.zeros((1, n_tau))
        self.online(dummy), self.target(dummy)
        self.target.set_weights(self.online.get_weights())
        self.target.trainable = False
        self.optimizer = tf.keras.optimizers.Adam(2e-3)
        self.steps = 0

    def _target_quantiles(self, next_state, reward):
        tau = tf.random.uniform((tf.shape(next_state)[0], self.n_tau))
        quantiles = self.target((next_state, tau))
        best = tf.argmax(tf.reduce_mean(quantiles, axis=1), axis=-1)
        picked = tf.reduce_sum(quantiles * tf.one_hot(best, self.target.num_actions)[:, None], -1)
        return tf.stop_gradient(reward[:, None] + self.gamma * picked)

    @tf.function
    def _train_op(self, state, action, reward, next_state):
        target = self._target_quantiles(next_state, reward)
        tau = tf.random.uniform((tf.shape(state)[0], self.n_tau))
        with tf.GradientTape() as tape:
            q = self.online((state, tau))
            chosen = tf.gather(q, action, axis=2, batch_dims=1)
            bellman_errors = target[:, :, None] - chosen[:, None, :]
            small = tf.cast(tf.abs(bellman_errors) <= self.kappa, tf.float32)
            huber = small * 0.5 * bellman_errors ** 2 + \
                (1 - small) * self.kappa * (tf.abs(bellman_errors) - 0.5 * self.kappa)
            below = tf.stop_gradient(tf.cast(bellman_errors < 0, tf.float32))
            loss = tf.abs(tau[:, None, :] - below) * huber / self.kappa
            loss = tf.reduce_mean(tf.reduce_sum(loss, axis=2))
        grads = tape.gradient(loss, self.online.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.online.trainable_variables))
        return loss

    def train(self, batch):
        loss = self._train_op(*batch)
        self.steps += 1
        if self.steps % self.sync == 0:
            self.target.set_weights(self.online.get_weights())
        return float(loss.numpy())


tf.keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
agent = IQNAgent(3, 2)
history = []
for _ in range(120):
    s = rng.normal(size=(32, 3)).astype('float32')
    a = rng.integers(0, 2, 32)
    r = (np.where(a == 1, s[:, 0], -s[:, 0]) + 0.3 * rng.normal(size=32)).astype('float32')
    history.append(agent.train((s, a, r, rng.normal(size=(32, 3)).astype('float32'))))
print('loss first %.3f last %.3f' % (np.mean(history[:10]), np.mean(history[-10:])))
