import collections

import numpy as np
import tensorflow as tf

Rollout = collections.namedtuple("Rollout", "states actions returns")
STATES, ACTIONS = 6, 3
tf.keras.utils.set_random_seed(9)


class Trader(tf.keras.Model):
    """flat / long / short on a mean reverting spread"""

    def __init__(self):
        super().__init__()
        self.body = tf.keras.layers.Dense(32, activation="tanh")
        self.pi = tf.keras.layers.Dense(ACTIONS)
        self.v = tf.keras.layers.Dense(1)

    def call(self, s):
        h = self.body(s)
        return self.pi(h), tf.squeeze(self.v(h), -1)


model = Trader()
pi_opt = tf.keras.optimizers.Adam(3e-3)
v_opt = tf.keras.optimizers.Adam(3e-3)
model(tf.zeros([1, STATES]))
pi_weights = model.pi.trainable_weights
v_weights = model.body.trainable_weights + model.v.trainable_weights


@tf.function
def fitting(rollout):
    with tf.GradientTape() as tape:
        logits, values = model(rollout.states)
        advantage = rollout.returns - values
        value = tf.reduce_mean(tf.square(advantage))
        logp = -tf.nn.sparse_softmax_cross_entropy_with_logits(labels=rollout.actions, logits=logits)
        policy = -tf.reduce_mean(logp * tf.stop_gradient(advantage))
    grads = tape.gradient(policy, pi_weights)
    pi_opt.apply_gradients(zip(grads, pi_weights))
    grads = tape.gradient(value, v_weights)
    v_opt.apply_gradients(zip(grads, v_weights))
    return policy, value


def play(length=64, gamma=0.8):
    spread = np.zeros(length + STATES + 1)
    for t in range(1, len(spread)):
        spread[t] = 0.85 * spread[t - 1] + 0.3 * np.random.randn()
    states = np.stack([spread[t:t + STATES] for t in range(length)]).astype("float32")
    logits, _ = model(states)
    actions = tf.random.categorical(logits, 1)[:, 0].numpy().astype("int32")
    move = spread[STATES:STATES + length] - spread[STATES - 1:STATES - 1 + length]
    reward = np.array([0.0, 1.0, -1.0])[actions] * move
    returns = np.zeros(length, "float32")
    acc = 0.0
    for t in reversed(range(length)):
        acc = reward[t] + gamma * acc
        returns[t] = acc
    return Rollout(tf.constant(states), tf.constant(actions), tf.constant(returns)), reward.sum()


for episode in range(30):
    rollout, pnl = play()
    policy, value = fitting(rollout)
    if episode % 6 == 0:
        print(f"episode {episode:2d} pnl {pnl:7.2f} policy {float(policy):7.3f} value {float(value):.3f}")
