"""PPO with separate actor and critic, a cart that has to park at x = 0 (continuous thrust)."""
import numpy as np
import tensorflow as tf
from keras import Input, Sequential, layers, optimizers, utils


class ParkingEnv:
    def __init__(self, n, seed):
        self.n, self.rng = n, np.random.RandomState(seed)

    def reset(self):
        self.x = self.rng.uniform(-2, 2, self.n)
        self.v = np.zeros(self.n)
        return self.obs()

    def obs(self):
        return np.stack([self.x, self.v], 1).astype("float32")

    def step(self, thrust):
        u = np.clip(thrust, -1, 1)
        self.v = 0.9 * self.v + 0.4 * u
        self.x = np.clip(self.x + 0.4 * self.v, -4, 4)
        return self.obs(), -(self.x ** 2) * 0.2 - 0.02 * u ** 2


def mlp(out):
    return Sequential([Input((2,)), layers.Dense(24, activation="tanh"), layers.Dense(out)])


class GaussianActor(tf.Module):
    def __init__(self):
        super().__init__()
        self.mean_net = mlp(1)
        self.log_std = tf.Variable(-0.3, name="log_std")

    def log_prob(self, obs, act):
        mean = self.mean_net(obs)[:, 0]
        z = (act - mean) / tf.exp(self.log_std)
        return -0.5 * z ** 2 - self.log_std - 0.9189385

    def sample(self, obs, rng):
        mean = self.mean_net(obs).numpy()[:, 0]
        return (mean + np.exp(self.log_std.numpy()) * rng.randn(len(mean))).astype("float32")

    @property
    def params(self):
        return self.mean_net.trainable_variables + [self.log_std]


def gae(rewards, values, gamma=0.9, lam=0.9):
    adv, last = np.zeros_like(rewards), 0.0
    for t in reversed(range(len(rewards))):
        nxt = values[t + 1] if t + 1 < len(rewards) else 0.0
        last = rewards[t] + gamma * nxt - values[t] + gamma * lam * last
        adv[t] = last
    return adv


def rollout(env, actor, critic, horizon, rng):
    obs, buf = env.reset(), {k: [] for k in ("obs", "act", "logp", "rew", "val")}
    for _ in range(horizon):
        act = actor.sample(obs, rng)
        nxt, rew = env.step(act)
        for k, v in zip(buf, (obs, act, actor.log_prob(obs, act).numpy(), rew, critic(obs).numpy()[:, 0])):
            buf[k].append(v)
        obs = nxt
    buf = {k: np.array(v, "float32") for k, v in buf.items()}
    buf["adv"] = gae(buf["rew"], buf["val"])
    buf["ret"] = buf["adv"] + buf["val"]
    return {k: v.reshape(-1, *v.shape[2:]) for k, v in buf.items()}, buf["rew"].mean()


@tf.function
def losses(actor, critic, b, clip):
    ratio = tf.exp(actor.log_prob(b["obs"], b["act"]) - b["logp"])
    adv = (b["adv"] - tf.reduce_mean(b["adv"])) / (tf.math.reduce_std(b["adv"]) + 1e-6)
    policy = -tf.reduce_mean(tf.minimum(ratio * adv, tf.clip_by_value(ratio, 1 - clip, 1 + clip) * adv))
    value = tf.reduce_mean(tf.square(critic(b["obs"])[:, 0] - b["ret"]))
    return policy, value


def main():
    utils.set_random_seed(50)
    rng, env = np.random.RandomState(50), ParkingEnv(16, 50)
    actor, critic = GaussianActor(), mlp(1)
    a_opt, c_opt = optimizers.Adam(5e-3), optimizers.Adam(1e-2)
    for it in range(10):
        batch, reward = rollout(env, actor, critic, 25, rng)
        batch = {k: tf.constant(v) for k, v in batch.items()}
        for _ in range(8):
            with tf.GradientTape(persistent=True) as tape:
                pi_loss, v_loss = losses(actor, critic, batch, 0.2)
            a_opt.apply_gradients(zip(tape.gradient(pi_loss, actor.params), actor.params))
            c_opt.apply_gradients(zip(tape.gradient(v_loss, critic.trainable_variables), critic.trainable_variables))
            del tape
        if it % 3 == 0:
            print(f"iter {it} reward {reward:.3f} value loss {float(v_loss):.4f} std {float(tf.exp(actor.log_std)):.2f}")


if __name__ == "__main__":
    main()
