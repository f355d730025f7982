"""DDPG learner: the actor loss is only -Q(s, mu(s)), the chain rule does the rest."""
import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(2)
OBS, ACT = 3, 1


def mlp(n_in, n_out, out_activation=None, name=None):
    return tf.keras.Sequential([
        tf.keras.layers.Input((n_in,)),
        tf.keras.layers.Dense(32, activation="relu"),
        tf.keras.layers.Dense(32, activation="relu"),
        tf.keras.layers.Dense(n_out, activation=out_activation),
    ], name=name)


class ReplayBuffer:
    def __init__(self, limit=2000):
        self.limit, self.data = limit, []

    def append(self, *transition):
        self.data.append(transition)
        self.data = self.data[-self.limit:]

    def sample(self, n):
        idx = np.random.randint(len(self.data), size=n)
        return [np.stack(col).astype("float32") for col in zip(*[self.data[i] for i in idx])]


class DDPG(tf.Module):
    def __init__(self, gamma=0.9, tau=0.05, actor_lr=3e-3, critic_lr=3e-3, clip_norm=5.0):
        super().__init__()
        self.gamma, self.tau, self.clip_norm = gamma, tau, clip_norm
        self.actor, self.target_actor = mlp(OBS, ACT, "tanh", "actor"), mlp(OBS, ACT, "tanh", "target_actor")
        self.critic, self.target_critic = mlp(OBS + ACT, 1, None, "critic"), mlp(OBS + ACT, 1, None, "target_critic")
        self.target_actor.set_weights(self.actor.get_weights())
        self.target_critic.set_weights(self.critic.get_weights())
        self.actor_optimizer = tf.keras.optimizers.Adam(actor_lr)
        self.critic_optimizer = tf.keras.optimizers.Adam(critic_lr)

    def step(self, obs, noise):
        action = self.actor(obs[None]).numpy()[0]
        return np.clip(action + noise * np.random.randn(ACT), -1, 1)

    @tf.function
    def target_q(self, obs1, rewards):
        q1 = self.target_critic(tf.concat([obs1, self.target_actor(obs1)], 1))
        return rewards + self.gamma * q1

    @tf.function
    def get_actor_grads(self, obs0):
        with tf.GradientTape() as tape:
            actor_tf = self.actor(obs0)
            critic_with_actor_tf = self.critic(tf.concat([obs0, actor_tf], 1))
            actor_loss = -tf.reduce_mean(critic_with_actor_tf)
        grads = tape.gradient(actor_loss, self.actor.trainable_variables)
        return tf.clip_by_global_norm(grads, self.clip_norm)[0], actor_loss

    @tf.function
    def get_critic_grads(self, obs0, actions, target_Q):
        with tf.GradientTape() as tape:
            q = self.critic(tf.concat([obs0, actions], 1))
            critic_loss = tf.reduce_mean(tf.square(q - target_Q))
        grads = tape.gradient(critic_loss, self.critic.trainable_variables)
        return tf.clip_by_global_norm(grads, self.clip_norm)[0], critic_loss

    def train(self, batch):
        obs0, actions, rewards, obs1 = batch
        target_Q = self.target_q(obs1, rewards).numpy()
        actor_grads, actor_loss = self.get_actor_grads(tf.constant(obs0))
        critic_grads, critic_loss = self.get_critic_grads(tf.constant(obs0), tf.constant(actions), tf.constant(target_Q))
        self.actor_optimizer.apply_gradients(zip(actor_grads, self.actor.trainable_variables))
        self.critic_optimizer.apply_gradients(zip(critic_grads, self.critic.trainable_variables))
        return float(critic_loss), float(actor_loss)

    def update_target_net(self):
        for net, target in ((self.actor, self.target_actor), (self.critic, self.target_critic)):
            for var, target_var in zip(net.variables, target.variables):
                target_var.assign((1.0 - self.tau) * target_var + self.tau * var)


class Pendulum:
    def reset(self):
        self.th, self.thdot = np.random.uniform(-1, 1, 2)
        return self.obs()

    def obs(self):
        return np.array([np.cos(self.th), np.sin(self.th), self.thdot], "float32")

    def step(self, u):
        cost = self.th ** 2 + 0.1 * self.thdot ** 2 + 0.01 * u ** 2
        self.thdot = np.clip(0.95 * self.thdot + 0.05 * (-3 * np.sin(self.th) + 6 * u), -2, 2)
        self.th = np.clip(self.th + 0.05 * self.thdot, -1.5, 1.5)
        return self.obs(), -cost


env, agent, memory = Pendulum(), DDPG(), ReplayBuffer()
for episode in range(9):
    obs, total = env.reset(), 0.0
    for t in range(40):
        action = agent.step(obs, noise=0.6)
        new_obs, r = env.step(float(action[0]))
        memory.append(obs, action, np.array([r]), new_obs)
        obs, total = new_obs, total + r
        if len(memory.data) > 64:
            cl, al = agent.train(memory.sample(64))
            agent.update_target_net()
    if episode:
        print("episode %d return %7.2f critic %.3f actor %.3f" % (episode, total, cl, al))
