import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Dense
from tensorflow.keras.optimizers import Adam


class ReplayBuffer:
    def __init__(self, max_size, n_states, n_actions):
        self.mem_size = max_size
        self.mem_cntr = 0
        self.state_memory = np.zeros((max_size, n_states), dtype=np.float32)
        self.new_state_memory = np.zeros((max_size, n_states), dtype=np.float32)
        self.action_memory = np.zeros((max_size, n_actions), dtype=np.float32)
        self.reward_memory = np.zeros(max_size, dtype=np.float32)
        self.terminal_memory = np.zeros(max_size, dtype=np.float32)

    def store_transition(self, state, action, reward, state_, done):
        index = self.mem_cntr % self.mem_size
        self.state_memory[index] = state
        self.new_state_memory[index] = state_
        self.action_memory[index] = action
        self.reward_memory[index] = reward
        self.terminal_memory[index] = 1.0 - done
        self.mem_cntr += 1

    def sample_buffer(self, batch_size):
        batch = np.random.choice(min(self.mem_cntr, self.mem_size), batch_size)
        return (self.state_memory[batch], self.action_memory[batch], self.reward_memory[batch],
                self.new_state_memory[batch], self.terminal_memory[batch])


class ActorNetwork(tf.keras.Model):
    def __init__(self, n_actions, fc1_dims=24):
        super().__init__()
        self.fc1 = Dense(fc1_dims, activation="relu")
        self.mu = Dense(n_actions, activation="tanh")

    def call(self, state):
        return self.mu(self.fc1(state))


class CriticNetwork(tf.keras.Model):
    def __init__(self, fc1_dims=24):
        super().__init__()
        self.fc1 = Dense(fc1_dims, activation="relu")
        self.q = Dense(1)

    def call(self, inputs):
        state, action = inputs
        return self.q(self.fc1(tf.concat([state, action], axis=1)))


class Agent:
    def __init__(self, n_states, n_actions, alpha=0.001, beta=0.002, gamma=0.99, tau=0.01, batch_size=16):
        self.gamma, self.tau, self.batch_size = gamma, tau, batch_size
        self.memory = ReplayBuffer(500, n_states, n_actions)
        self.actor, self.target_actor = ActorNetwork(n_actions), ActorNetwork(n_actions)
        self.critic, self.target_critic = CriticNetwork(), CriticNetwork()
        s, a = tf.zeros((1, n_states)), tf.zeros((1, n_actions))
        for net in (self.actor, self.target_actor):
            net(s)
        for net in (self.critic, self.target_critic):
            net([s, a])
        self.actor_opt, self.critic_opt = Adam(alpha), Adam(beta)
        self.update_network_parameters(1.0)

    def update_network_parameters(self, tau):
        for net, target in ((self.actor, self.target_actor), (self.critic, self.target_critic)):
            target.set_weights([tau * w + (1 - tau) * t for w, t in zip(net.get_weights(), target.get_weights())])

    def choose_action(self, observation, noise=0.1):
        mu = self.actor(observation[np.newaxis, :])[0].numpy()
        return np.clip(mu + noise * np.random.randn(*mu.shape), -1, 1)

    def learn(self):
        if self.memory.mem_cntr < self.batch_size:
            return
        states, actions, rewards, new_states, done = self.memory.sample_buffer(self.batch_size)
        states, new_states = tf.convert_to_tensor(states), tf.convert_to_tensor(new_states)

        critic_value_ = tf.squeeze(self.target_critic([new_states, self.target_actor(new_states)]), 1)
        target = rewards + self.gamma * critic_value_ * done
        with tf.GradientTape() as tape:
            critic_value = tf.squeeze(self.critic([states, actions]), 1)
            critic_loss = tf.reduce_mean(tf.square(target - critic_value))
        critic_grads = tape.gradient(critic_loss, self.critic.trainable_variables)
        self.critic_opt.apply_gradients(zip(critic_grads, self.critic.trainable_variables))

        new_policy_actions = self.actor(states)
        q_value = self.critic([states, new_policy_actions])
        with tf.GradientTape() as tape:
            actor_loss = -tf.reduce_mean(q_value)
        actor_grads = tape.gradient(actor_loss, self.actor.trainable_variables)
        self.actor_opt.apply_gradients(zip(actor_grads, self.actor.trainable_variables))

        self.update_network_parameters(self.tau)
        return float(actor_loss)


if __name__ == "__main__":
    np.random.seed(0)
    tf.random.set_seed(0)
    agent = Agent(n_states=3, n_actions=1)
    state = np.random.randn(3).astype(np.float32)
    for step in range(40):
        action = agent.choose_action(state)
        state_ = (0.9 * state + 0.1 * action[0] + 0.05 * np.random.randn(3)).astype(np.float32)
        agent.memory.store_transition(state, action, -float(np.sum(state_ ** 2)), state_, step % 20 == 19)
        loss = agent.learn()
        state = state_
    print("actor loss", loss)
