"""Double DQN for inventory: how many crates to order each evening."""
import numpy as np
import tensorflow as tf
from tensorflow import keras

CAPACITY, ACTIONS = 12, (0, 2, 4, 6)


class Shop:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def observe(self):
        return np.array([self.stock / CAPACITY, self.day % 7 / 6.0], np.float32)

    def reset(self):
        self.stock, self.day = 6, 0
        return self.observe()

    def step(self, choice):
        demand = (4 if self.day % 7 < 5 else 2) + int(self.rng.integers(0, 2))
        self.stock = min(CAPACITY, self.stock + ACTIONS[choice])
        sold = min(self.stock, demand)
        self.stock -= sold
        self.day += 1
        profit = 1.0 * sold - 0.15 * self.stock - 0.4 * (demand - sold)
        return self.observe(), profit, self.day == 30


def q_network():
    obs = keras.Input((2,))
    h = keras.layers.Dense(32, activation="relu")(obs)
    value = keras.layers.Dense(1)(h)
    # bias would be absorbed by the centring below
    adv = keras.layers.Dense(len(ACTIONS), use_bias=False)(h)
    q = keras.layers.Lambda(lambda t: t[0] + t[1] - tf.reduce_mean(t[1], axis=1, keepdims=True),
                            output_shape=(len(ACTIONS),))([value, adv])
    return keras.Model(obs, q)


class DoubleDQN:
    def __init__(self, gamma=0.5):
        self.online, self.target = q_network(), q_network()
        self.target.set_weights(self.online.get_weights())
        self.gamma = gamma
        self.opt = keras.optimizers.Adam(5e-3)
        self.loss_fn = keras.losses.Huber(reduction="none")

    def bootstrap(self, reward, nxt, done):
        best = tf.argmax(self.online(nxt), axis=1)
        future = tf.gather(self.target(nxt), best, axis=1, batch_dims=1)
        return (reward + self.gamma * future * (1.0 - done)).numpy()

    def update(self, obs, act, reward, nxt, done):
        goal = self.bootstrap(reward, nxt, done)
        with tf.GradientTape() as tape:
            q = tf.reduce_sum(self.online(obs) * tf.one_hot(act, len(ACTIONS)), axis=1)
            loss = tf.reduce_mean(self.loss_fn(goal[:, None], q[:, None]))
        grads = tape.gradient(loss, self.online.trainable_variables)
        self.opt.apply_gradients(zip(grads, self.online.trainable_variables))
        return loss.numpy()

    def soft_sync(self, tau=0.05):
        for slow, fast in zip(self.target.variables, self.online.variables):
            slow.assign_add(tau * (fast - slow))


def collect(shop, agent, eps, episodes, rng):
    rows, profit = [], 0.0
    for _ in range(episodes):
        s, done = shop.reset(), False
        while not done:
            a = rng.integers(len(ACTIONS)) if rng.random() < eps else int(tf.argmax(agent.online(s[None])[0]))
            s2, r, done = shop.step(a)
            rows.append((s, a, r, s2, float(done)))
            s, profit = s2, profit + r
    return rows, profit / episodes


if __name__ == "__main__":
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    shop, agent, replay = Shop(1), DoubleDQN(), []
    for round_ in range(6):
        rows, profit = collect(shop, agent, eps=max(0.1, 0.9 - 0.2 * round_), episodes=4, rng=rng)
        replay += rows
        losses = []
        for _ in range(40):
            pick = rng.choice(len(replay), 64)
            cols = [np.asarray(c) for c in zip(*(replay[i] for i in pick))]
            s, a, r, s2, d = cols
            losses.append(agent.update(s, a, r.astype("float32"), s2, d.astype("float32")))
            agent.soft_sync()
        print(f"round {round_} profit {profit:6.1f} huber {np.mean(losses):.3f}")
