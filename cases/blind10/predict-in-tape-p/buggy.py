"""Tiny DQN for a thermostat: hold 21 degrees with as little heating as possible."""
import random
from collections import deque, namedtuple

import keras
import numpy as np
import tensorflow as tf

Transition = namedtuple("Transition", "s a r s2 done")


class Room:
    heat = (0.0, 1.0, 2.0)

    def __init__(self, rng):
        self.rng = rng

    def reset(self):
        self.temp, self.out, self.clock = 18.0 + self.rng.rand() * 4, 5.0, 0
        return self.state()

    def state(self):
        return np.array([(self.temp - 21) / 3, (self.out - 5) / 5, self.clock / 20], "float32")

    def step(self, a):
        self.out += self.rng.normal(0, 0.3)
        self.temp += 0.08 * (self.out - self.temp) + 0.9 * self.heat[a]
        self.clock += 1
        reward = -abs(self.temp - 21) - 0.1 * self.heat[a]
        return self.state(), reward, self.clock >= 20


class Agent:
    def __init__(self, n_obs, n_act, gamma=0.95, lr=5e-3):
        self.n_act, self.gamma = n_act, gamma
        self.net = self._mlp(n_obs, n_act)
        self.lagged = self._mlp(n_obs, n_act)
        self.sync()
        self.opt = keras.optimizers.Adam(lr)
        self.memory = deque(maxlen=2000)
        self.eps = 1.0

    @staticmethod
    def _mlp(n_obs, n_act):
        return keras.Sequential([keras.Input((n_obs,)), keras.layers.Dense(24, activation="relu"),
                                 keras.layers.Dense(n_act)])

    def sync(self):
        self.lagged.set_weights(self.net.get_weights())

    def q(self, states, net=None):
        net = net or self.net
        return net.predict(np.atleast_2d(states), verbose=0)

    def act(self, s):
        if random.random() < self.eps:
            return random.randrange(self.n_act)
        return int(np.argmax(self.q(s)[0]))

    def learn(self, batch_size=32):
        batch = Transition(*map(np.array, zip(*random.sample(self.memory, batch_size))))
        best_next = self.q(batch.s2, self.lagged).max(axis=1)
        target = (batch.r + self.gamma * best_next * (1 - batch.done)).astype("float32")
        with tf.GradientTape() as tape:
            values = self.q(batch.s)
            chosen = tf.reduce_sum(values * tf.one_hot(batch.a, self.n_act), axis=1)
            loss = tf.reduce_mean(tf.square(target - chosen))
        grads = tape.gradient(loss, self.net.trainable_variables)
        self.opt.apply_gradients(zip(grads, self.net.trainable_variables))
        self.eps = max(0.1, self.eps * 0.97)
        return float(loss)


def main(episodes=5):
    random.seed(0)
    keras.utils.set_random_seed(0)
    room, agent = Room(np.random.RandomState(0)), Agent(3, 3)
    for ep in range(episodes):
        s, done, score, losses = room.reset(), False, 0.0, []
        while not done:
            a = agent.act(s)
            s2, r, done = room.step(a)
            agent.memory.append(Transition(s, a, r, s2, float(done)))
            s, score = s2, score + r
            if len(agent.memory) >= 40:
                losses.append(agent.learn())
        agent.sync()
        print(f"episode {ep} score {score:.1f} loss {np.mean(losses) if losses else float('nan'):.3f}")


if __name__ == "__main__":
    main()
