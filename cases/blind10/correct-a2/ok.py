"""Double DQN on a small inventory problem: how many boxes to order every day."""
import collections
import random

import numpy as np
import tensorflow as tf
from tensorflow import keras

CAPACITY, ORDERS = 10, 4
Transition = collections.namedtuple("Transition", "s a r s2 done")


class Warehouse:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def reset(self):
        self.stock, self.day = 5, 0
        return self.state()

    def state(self):
        return np.array([self.stock / CAPACITY, np.sin(self.day), np.cos(self.day)], "float32")

    def step(self, order):
        self.stock = min(CAPACITY, self.stock + order)
        demand = 1 + int(self.rng.random() < 0.3)
        sold = min(self.stock, demand)
        self.stock -= sold
        self.day += 1
        reward = sold - 0.1 * self.stock - 0.4 * order
        return self.state(), reward, self.day >= 20


class Replay:
    def __init__(self, size):
        self.items = collections.deque(maxlen=size)

    def add(self, *args):
        self.items.append(Transition(*args))

    def sample(self, n):
        rows = random.sample(self.items, n)
        s, a, r, s2, d = map(np.array, zip(*rows))
        return s, a.astype("int32"), r.astype("float32"), s2, d.astype("float32")


def q_net():
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(32, "relu"), keras.layers.Dense(ORDERS)]
    )


class DoubleDQN:
    def __init__(self, gamma=0.8, sync_every=40):
        self.online, self.target = q_net(), q_net()
        self.target.trainable = False
        self.target.set_weights(self.online.get_weights())
        self.opt = keras.optimizers.Adam(3e-3)
        self.huber = keras.losses.Huber()
        self.gamma, self.sync_every, self.updates = gamma, sync_every, 0

    def act(self, state, eps):
        if random.random() < eps:
            return random.randrange(ORDERS)
        return int(np.argmax(self.online(state[None]).numpy()[0]))

    def bootstrap(self, r, s2, done):
        best = tf.argmax(self.online(s2), axis=1, output_type=tf.int32)
        future = tf.gather(self.target(s2), best, batch_dims=1)
        return r + self.gamma * (1.0 - done) * future.numpy()

    def learn(self, batch):
        s, a, r, s2, done = batch
        goal = self.bootstrap(r, s2, done)
        with tf.GradientTape() as tape:
            chosen = tf.reduce_sum(self.online(s) * tf.one_hot(a, ORDERS), axis=1)
            loss = self.huber(goal, chosen)
        grads = tape.gradient(loss, self.online.trainable_variables)
        grads, _ = tf.clip_by_global_norm(grads, 10.0)
        self.opt.apply_gradients(zip(grads, self.online.trainable_variables))
        self.updates += 1
        if self.updates % self.sync_every == 0:
            for dst, src in zip(self.target.variables, self.online.variables):
                dst.assign(src)
        return loss.numpy()


def main(episodes=28):
    random.seed(2)
    keras.utils.set_random_seed(2)
    env, agent, memory = Warehouse(2), DoubleDQN(), Replay(2000)
    for ep in range(episodes):
        s, done, total, losses = env.reset(), False, 0.0, []
        while not done:
            a = agent.act(s, eps=max(0.05, 1.0 - ep / 12))
            s2, r, done = env.step(a)
            memory.add(s, a, r, s2, done)
            s, total = s2, total + r
            if len(memory.items) >= 64:
                losses.append(agent.learn(memory.sample(32)))
        if ep % 4 == 3:
            print(f"episode {ep:2d} return {total:6.2f} td loss {np.mean(losses):.4f}")


if __name__ == "__main__":
    main()
