import collections

import numpy as np
import tensorflow as tf
from tensorflow.keras import Input, Model
from tensorflow.keras.layers import Concatenate, Dense

tf.keras.utils.set_random_seed(3)
np.random.seed(3)


class PointEnv:
    """1-d point, pushed by the action, reward for staying near the origin"""

    def reset(self):
        self.s = np.random.uniform(-1, 1, size=2).astype(np.float32)
        return self.s.copy()

    def step(self, a):
        x, v = self.s
        v = 0.9 * v + 0.2 * float(a[0])
        x = np.clip(x + 0.3 * v, -2, 2)
        self.s = np.array([x, v], np.float32)
        return self.s.copy(), np.float32(-x * x)


class GaussianPolicy(Model):
    def __init__(self, action_dim):
        super().__init__()
        self.action_dim = action_dim
        self.hidden = Dense(32, activation="relu")
        self.mean = Dense(action_dim)
        self.log_std = Dense(action_dim)

    def call(self, obs):
        h = self.hidden(obs)
        mean, log_std = self.mean(h), tf.clip_by_value(self.log_std(h), -5.0, 2.0)
        noise = tf.random.normal(tf.shape(mean))
        raw = mean + tf.exp(log_std) * noise
        action = tf.tanh(raw)
        log_pi = -0.5 * tf.square(noise) - log_std - 0.5 * np.log(2 * np.pi)
        log_pi -= 2.0 * (np.log(2.0) - raw - tf.nn.softplus(-2.0 * raw))
        return action, tf.reduce_sum(log_pi, axis=-1, keepdims=True)


def feedforward_Q(obs_dim, action_dim):
    o, a = Input((obs_dim,)), Input((action_dim,))
    h = Dense(32, activation="relu")(Concatenate()([o, a]))
    return Model([o, a], Dense(1)(h))


Losses = collections.namedtuple("Losses", "Q policy alpha")


class SAC:
    def __init__(self, obs_dim=2, action_dim=1, discount=0.9, tau=0.05, lr=3e-3):
        self._policy = GaussianPolicy(action_dim)
        self._policy(tf.zeros((1, obs_dim)))
        self._Qs = [feedforward_Q(obs_dim, action_dim) for _ in range(2)]
        self._Q_targets = [feedforward_Q(obs_dim, action_dim) for _ in range(2)]
        for Q, Q_target in zip(self._Qs, self._Q_targets):
            Q_target.set_weights(Q.get_weights())
            Q_target.trainable = False
        self._log_alpha = tf.Variable(0.0, name="log_alpha")
        self._target_entropy = -float(action_dim)
        self._discount, self._tau = discount, tau
        self._Q_optimizers = [tf.keras.optimizers.Adam(lr) for _ in self._Qs]
        self._policy_optimizer = tf.keras.optimizers.Adam(lr)
        self._alpha_optimizer = tf.keras.optimizers.Adam(lr)

    def _compute_Q_targets(self, batch):
        next_actions, next_log_pis = self._policy(batch["next_obs"])
        next_Qs = [Q([batch["next_obs"], next_actions]) for Q in self._Q_targets]
        next_values = tf.reduce_min(next_Qs, axis=0) - tf.exp(self._log_alpha) * next_log_pis
        return tf.stop_gradient(batch["rewards"] + self._discount * next_values)

    def _update_critic(self, batch):
        Q_targets = self._compute_Q_targets(batch)
        losses = []
        for Q, optimizer in zip(self._Qs, self._Q_optimizers):
            with tf.GradientTape() as tape:
                values = Q([batch["obs"], batch["actions"]])
                loss = 0.5 * tf.reduce_mean(tf.square(Q_targets - values))
            gradients = tape.gradient(loss, Q.trainable_variables)
            optimizer.apply_gradients(zip(gradients, Q.trainable_variables))
            losses.append(loss)
        return tf.reduce_mean(losses)

    def _update_actor(self, batch):
        with tf.GradientTape() as tape:
            actions, log_pis = self._policy(batch["obs"])
            Q_log_targets = [Q([batch["obs"], actions]) for Q in self._Qs]
            alpha = tf.exp(self._log_alpha)
            loss = tf.reduce_mean(alpha * log_pis - tf.reduce_min(Q_log_targets, axis=0))
        gradients = tape.gradient(loss, self._policy.trainable_variables)
        self._policy_optimizer.apply_gradients(zip(gradients, self._policy.trainable_variables))
        return loss

    def _update_alpha(self, batch):
        _, log_pis = self._policy(batch["obs"])
        with tf.GradientTape() as tape:
            alpha_loss = -tf.reduce_mean(
                self._log_alpha * tf.stop_gradient(log_pis + self._target_entropy))
        gradients = tape.gradient(alpha_loss, [self._log_alpha])
        self._alpha_optimizer.apply_gradients(zip(gradients, [self._log_alpha]))
        return alpha_loss

    def _update_target(self):
        for Q, Q_target in zip(self._Qs, self._Q_targets):
            for source, target in zip(Q.variables, Q_target.variables):
                target.assign(self._tau * source + (1.0 - self._tau) * target)

    @tf.function
    def do_updates(self, batch):
        losses = Losses(self._update_critic(batch), self._update_actor(batch), self._update_alpha(batch))
        self._update_target()
        return losses


env, agent = PointEnv(), SAC()
pool = []
obs = env.reset()
for t in range(360):
    action = agent._policy(obs[None])[0].numpy()[0]
    next_obs, reward = env.step(action)
    pool.append((obs, action, [reward], next_obs))
    obs = env.reset() if t % 20 == 19 else next_obs
    if t >= 60:
        rows = np.random.randint(0, len(pool), 64)
        columns = [np.array([pool[r][c] for r in rows], np.float32) for c in range(4)]
        batch = dict(zip(("obs", "actions", "rewards", "next_obs"), map(tf.constant, columns)))
        losses = agent.do_updates(batch)
        if t % 60 == 0:
            print(t, "Q %.4f policy %.4f alpha %.3f" % (
                float(losses.Q), float(losses.policy), float(tf.exp(agent._log_alpha))))
