"""Actor critic on a small cart pole (keras.io example, own environment)."""
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

np.random.seed(42)
tf.random.set_seed(42)
gamma = 0.99
max_steps_per_episode = 40
num_inputs, num_actions, num_hidden = 4, 2, 32
eps = np.finfo(np.float32).eps.item()


class CartPole:
    def reset(self):
        self.s = np.random.uniform(-0.05, 0.05, size=4)
        return self.s.astype("float32")

    def step(self, action):
        x, x_dot, th, th_dot = self.s
        force = 10.0 if action == 1 else -10.0
        tmp = (force + 0.05 * th_dot**2 * np.sin(th)) / 1.1
        th_acc = (9.8 * np.sin(th) - np.cos(th) * tmp) / (0.5 * (4 / 3 - 0.1 * np.cos(th) ** 2 / 1.1))
        x_acc = tmp - 0.05 * th_acc * np.cos(th) / 1.1
        self.s = self.s + 0.02 * np.array([x_dot, x_acc, th_dot, th_acc])
        done = abs(self.s[0]) > 2.4 or abs(self.s[2]) > 0.21
        return self.s.astype("float32"), 1.0, done


env = CartPole()
inputs = layers.Input(shape=(num_inputs,))
common = layers.Dense(num_hidden, activation="relu")(inputs)
action = layers.Dense(num_actions, activation="softmax")(common)
critic = layers.Dense(1)(common)
model = keras.Model(inputs=inputs, outputs=[action, critic])

optimizer = keras.optimizers.Adam(learning_rate=0.01)
huber_loss = keras.losses.Huber()
action_probs_history, critic_value_history, rewards_history = [], [], []
running_reward = 0

for episode_count in range(1, 11):
    state = env.reset()
    episode_reward = 0

    for timestep in range(1, max_steps_per_episode):
        state = tf.expand_dims(tf.convert_to_tensor(state), 0)

        # Predict action probabilities and estimated future rewards
        action_probs, critic_value = model(state)
        critic_value_history.append(critic_value[0, 0])

        # Sample action from action probability distribution
        action = np.random.choice(num_actions, p=np.squeeze(action_probs))
        action_probs_history.append(tf.math.log(action_probs[0, action]))

        state, reward, done = env.step(action)
        rewards_history.append(reward)
        episode_reward += reward
        if done:
            break

    # Update running reward to check condition for solving
    running_reward = 0.05 * episode_reward + (1 - 0.05) * running_reward

    # Calculate expected value from rewards
    returns = []
    discounted_sum = 0
    for r in rewards_history[::-1]:
        discounted_sum = r + gamma * discounted_sum
        returns.insert(0, discounted_sum)
    returns = np.array(returns, dtype="float32")
    returns = (returns - np.mean(returns)) / (np.std(returns) + eps)
    returns = returns.tolist()

    with tf.GradientTape() as tape:
        # Calculating loss values to update our network
        actor_losses, critic_losses = [], []
        for log_prob, value, ret in zip(action_probs_history, critic_value_history, returns):
            diff = ret - value
            actor_losses.append(-log_prob * diff)
            critic_losses.append(huber_loss(tf.expand_dims(value, 0), tf.expand_dims(ret, 0)))
        loss_value = sum(actor_losses) + sum(critic_losses)

    # Backpropagation
    grads = tape.gradient(loss_value, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))

    # Clear the loss and reward history
    action_probs_history.clear()
    critic_value_history.clear()
    rewards_history.clear()
    print("episode %d reward %.0f running %.2f loss %.3f" % (episode_count, episode_reward, running_reward, float(loss_value)))
