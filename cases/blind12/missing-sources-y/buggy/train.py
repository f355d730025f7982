import numpy as np
import tensorflow as tf

from policy import SACPolicy


class PointMass:
    """Push a point towards the origin."""

    def __init__(self, seed=0):
        self.rng = np.random.RandomState(seed)
        self.state = self.rng.uniform(-1, 1, 2).astype("float32")

    def step(self, action):
        obs = self.state.copy()
        self.state = np.clip(self.state + 0.2 * action, -2, 2).astype("float32")
        reward = -float(np.square(self.state).sum())
        next_obs = self.state.copy()
        if self.rng.rand() < 0.05:
            self.state = self.rng.uniform(-1, 1, 2).astype("float32")
        return obs, reward, next_obs


def main(timesteps=300, learning_starts=64, train_batch_size=64):
    tf.random.set_seed(0)
    env, policy, replay = PointMass(), SACPolicy(2, 2), []
    for t in range(timesteps):
        action = policy.actor.sample(env.state[None])[0][0].numpy()
        obs, reward, next_obs = env.step(action)
        replay.append((obs, action, [reward], next_obs))
        if t < learning_starts:
            continue
        picks = env.rng.randint(0, len(replay), train_batch_size)
        columns = zip(*(replay[i] for i in picks))
        batch = {k: tf.constant(np.array(c, "float32")) for k, c in zip(("obs", "action", "reward", "next_obs"), columns)}
        stats = policy.learn_on_batch(batch)
        if t % 59 == 0:
            print(t, {k: round(float(v), 4) for k, v in stats.items()})


if __name__ == "__main__":
    main()
