import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

# Configuration parameters for the whole setup
seed = 42
gamma = 0.97
max_steps_per_episode = 60
np.random.seed(seed)
keras.utils.set_random_seed(seed)
eps = np.finfo(np.float32).eps.item()


class Pole:
    """Keep a drifting pole near the middle, push left (0) or right (1)."""

    def reset(self):
        self.state = np.random.uniform(-0.05, 0.05, 4)
        return self.state

    def step(self, action):
        x, v, angle, w = self.state
        force = 10.0 if action == 1 else -10.0
        cos, sin = np.cos(angle), np.sin(angle)
        temp = (force + 0.05 * w ** 2 * sin) / 1.1
        w_acc = (9.8 * sin - cos * temp) / (0.5 * (4.0 / 3.0 - 0.1 * cos ** 2 / 1.1))
        v_acc = temp - 0.05 * w_acc * cos / 1.1
        self.state = np.array([x + 0.02 * v, v + 0.02 * v_acc, angle + 0.02 * w, w + 0.02 * w_acc])
        done = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 0.21
        return self.state, 1.0, done


num_inputs, num_actions, num_hidden = 4, 2, 64
inputs = layers.Input(shape=(num_inputs,))
common = layers.Dense(num_hidden, activation="relu")(inputs)
action = layers.Dense(num_actions, activation="softmax")(common)
critic = layers.Dense(1)(common)
model = keras.Model(inputs=inputs, outputs=[action, critic])

optimizer = keras.optimizers.Adam(learning_rate=0.01)
huber_loss = keras.losses.Huber()
env = Pole()
action_probs_history, critic_value_history, rewards_history = [], [], []
running_reward = 0

for episode_count in range(1, 13):
    state = env.reset()
    episode_reward = 0
    with tf.GradientTape() as tape:
        for timestep in range(1, max_steps_per_episode):
            state = tf.expand_dims(tf.convert_to_tensor(state, dtype=tf.float32), 0)

            # Predict action probabilities and estimated future rewards from the state
            action_probs, critic_value = model(state)
            critic_value_history.append(critic_value[0, 0])

            # Sample action from action probability distribution
            chosen = np.random.choice(num_actions, p=np.squeeze(action_probs))
            action_probs_history.append(tf.math.log(action_probs[0, chosen]))

            state, reward, done = env.step(chosen)
            rewards_history.append(reward)
            episode_reward += reward
            if done:
                break

        running_reward = 0.05 * episode_reward + (1 - 0.05) * running_reward

        # Discounted sum of the rewards from each timestep on
        returns, discounted_sum = [], 0
        for r in rewards_history[::-1]:
            discounted_sum = r + gamma * discounted_sum
            returns.insert(0, discounted_sum)
        returns = np.array(returns)
        returns = (returns - np.mean(returns)) / (np.std(returns) + eps)
        returns = returns.tolist()

        actor_losses, critic_losses = [], []
        for log_prob, value, ret in zip(action_probs_history, critic_value_history, returns):
            # the baseline takes no part in the policy gradient
            diff = ret - tf.stop_gradient(value)
            actor_losses.append(-log_prob * diff)
            critic_losses.append(huber_loss(tf.expand_dims(value, 0), tf.expand_dims(ret, 0)))

        loss_value = sum(actor_losses) + sum(critic_losses)

    grads = tape.gradient(loss_value, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))

    action_probs_history.clear()
    critic_value_history.clear()
    rewards_history.clear()
    if episode_count % 3 == 0:
        print("episode {}: running reward {:.2f}, loss {:.3f}".format(episode_count, running_reward, float(loss_value)))
