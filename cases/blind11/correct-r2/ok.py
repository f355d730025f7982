# REINFORCE as in the book: gradients are collected for every step, weighted and applied at the end
import numpy as np
import tensorflow as tf

np.random.seed(42)
tf.random.set_seed(42)


class PoleEnv:
    """linearised pole on a cart, obs = (x, v, angle, angular velocity)"""

    def reset(self):
        self.state = np.random.uniform(-0.05, 0.05, size=4)
        return self.state.copy()

    def step(self, action):
        force = 1.0 if action == 1 else -1.0
        x, v, th, w = self.state
        self.state = np.array([x + 0.1 * v, v + 0.1 * force, th + 0.1 * w, w + 0.1 * (3.0 * th - force)])
        done = bool(abs(self.state[2]) > 0.25 or abs(self.state[0]) > 2.4)
        return self.state.copy(), 1.0, done, False, {}


model = tf.keras.Sequential([
    tf.keras.layers.Input((4,)),
    tf.keras.layers.Dense(5, activation="elu"),
    tf.keras.layers.Dense(1, activation="sigmoid"),
])


def play_one_step(env, obs, model, loss_fn):
    with tf.GradientTape() as tape:
        left_proba = model(obs[np.newaxis])
        action = (tf.random.uniform([1, 1]) > left_proba)
        y_target = tf.constant([[1.]]) - tf.cast(action, tf.float32)
        loss = tf.reduce_mean(loss_fn(y_target, left_proba))

    grads = tape.gradient(loss, model.trainable_variables)
    obs, reward, done, truncated, info = env.step(int(action.numpy()[0, 0]))
    return obs, reward, done, truncated, grads


def play_multiple_episodes(env, n_episodes, n_max_steps, model, loss_fn):
    all_rewards, all_grads = [], []
    for episode in range(n_episodes):
        current_rewards, current_grads = [], []
        obs = env.reset()
        for step in range(n_max_steps):
            obs, reward, done, truncated, grads = play_one_step(env, obs, model, loss_fn)
            current_rewards.append(reward)
            current_grads.append(grads)
            if done or truncated:
                break
        all_rewards.append(current_rewards)
        all_grads.append(current_grads)
    return all_rewards, all_grads


def discount_rewards(rewards, discount_factor):
    discounted = np.array(rewards)
    for step in range(len(rewards) - 2, -1, -1):
        discounted[step] += discounted[step + 1] * discount_factor
    return discounted


def discount_and_normalize_rewards(all_rewards, discount_factor):
    all_discounted_rewards = [discount_rewards(rewards, discount_factor) for rewards in all_rewards]
    flat_rewards = np.concatenate(all_discounted_rewards)
    return [(d - flat_rewards.mean()) / flat_rewards.std() for d in all_discounted_rewards]


n_iterations, n_episodes_per_update, n_max_steps, discount_factor = 8, 6, 40, 0.9
optimizer = tf.keras.optimizers.Nadam(learning_rate=0.05)
loss_fn = tf.keras.losses.BinaryCrossentropy()
env = PoleEnv()

for iteration in range(n_iterations):
    all_rewards, all_grads = play_multiple_episodes(env, n_episodes_per_update, n_max_steps, model, loss_fn)
    total_rewards = sum(map(sum, all_rewards))
    print(f"Iteration: {iteration + 1}/{n_iterations}, mean rewards: {total_rewards / n_episodes_per_update:.1f}")

    all_final_rewards = discount_and_normalize_rewards(all_rewards, discount_factor)
    all_mean_grads = []
    for var_index in range(len(model.trainable_variables)):
        mean_grads = tf.reduce_mean(
            [final_reward * all_grads[episode_index][step][var_index]
             for episode_index, final_rewards in enumerate(all_final_rewards)
             for step, final_reward in enumerate(final_rewards)], axis=0)
        all_mean_grads.append(mean_grads)
    optimizer.apply_gradients(zip(all_mean_grads, model.trainable_variables))
