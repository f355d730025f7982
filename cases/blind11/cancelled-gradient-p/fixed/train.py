import tensorflow as tf

from driver import OnPolicyDriver, ReacherEnv


class Actor(tf.keras.Model):
    def __init__(self, dim=2, hidden=32):
        super().__init__()
        self.fc = tf.keras.layers.Dense(hidden, activation="tanh")
        self.mean = tf.keras.layers.Dense(dim)
        self.log_std = self.add_weight(name="log_std", shape=(dim,), initializer=tf.keras.initializers.Constant(-0.7))

    def call(self, obs):
        return self.mean(self.fc(obs)), self.log_std


def train(iterations=120, entropy_weight=1e-3):
    tf.keras.utils.set_random_seed(12)
    actor = Actor()
    driver = OnPolicyDriver(ReacherEnv(128), actor)
    optimizer = tf.keras.optimizers.Adam(1e-2)
    baseline = None
    for it in range(iterations):
        with tf.GradientTape() as tape:
            dist, action, reward = driver.rollout()
            mean_reward = float(tf.reduce_mean(reward))
            baseline = mean_reward if baseline is None else 0.9 * baseline + 0.1 * mean_reward
            log_prob = dist.log_prob(action)
            loss = -tf.reduce_mean(log_prob * (reward - baseline)) - entropy_weight * dist.entropy()
        grads = tape.gradient(loss, actor.trainable_variables)
        optimizer.apply_gradients(zip(grads, actor.trainable_variables))
        if it % 20 == 0:
            print(f"iteration {it:3d} reward {mean_reward:.3f} log_std {actor.log_std.numpy().round(2)}")


if __name__ == "__main__":
    train()
