import tensorflow as tf
from tensorflow.keras.layers import Dense


class SquashedGaussianActor(tf.keras.Model):
    def __init__(self, action_dim, hidden=32):
        super().__init__(name="actor")
        self.l1 = Dense(hidden, activation="relu")
        self.mean = Dense(action_dim)
        self.log_std = Dense(action_dim)

    def call(self, obs):
        h = self.l1(obs)
        return self.mean(h), tf.clip_by_value(self.log_std(h), -5.0, 1.0)

    def sample(self, obs):
        mean, log_std = self(obs)
        std = tf.exp(log_std)
        raw = mean + std * tf.random.normal(tf.shape(mean))
        action = tf.tanh(raw)
        logp = -0.5 * (((raw - mean) / std) ** 2 + 2 * log_std + 1.8378771)
        logp -= tf.math.log(1 - action ** 2 + 1e-6)
        return action, tf.reduce_sum(logp, axis=1, keepdims=True)


class TwinCritic(tf.keras.Model):
    def __init__(self, hidden=32, name="critic"):
        super().__init__(name=name)
        self.q1 = tf.keras.Sequential([Dense(hidden, activation="relu"), Dense(1)])
        self.q2 = tf.keras.Sequential([Dense(hidden, activation="relu"), Dense(1)])

    def call(self, inputs):
        x = tf.concat(inputs, axis=1)
        return self.q1(x), self.q2(x)
