"""ACER update with trust region, moved from the TF1 baselines (tf.gradients) to TF2."""
import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Model

tf.keras.utils.set_random_seed(4)


def cat_entropy_softmax(p0):
    return -tf.reduce_sum(p0 * tf.math.log(p0 + 1e-6), axis=1)


def gradient_add(g1, g2, param):
    assert not (g1 is None and g2 is None), param.name
    if g1 is None:
        return g2
    if g2 is None:
        return g1
    return g1 + g2


class ACER:
    def __init__(self, n_states, n_actions, n_steps=8, n_envs=4):
        self.n_steps = n_steps
        self.n_envs = n_envs
        self.n_actions = n_actions
        self.q_coef = 0.5
        self.ent_coef = 0.01
        self.delta = 1.0
        self.grad_norm = 10.0
        self.alpha = 0.9
        self.model = self.create_model(n_states)
        self.avg_model = self.create_model(n_states)
        self.avg_model.set_weights(self.model.get_weights())
        self.optimizer = tf.keras.optimizers.RMSprop(1e-3, rho=0.99, epsilon=1e-5)

    def create_model(self, n_states):
        x0 = Input((n_states,))
        x = Dense(32, activation="relu")(x0)
        actor = Dense(self.n_actions, activation="softmax")(x)
        critic = Dense(self.n_actions)(x)
        return Model(x0, [actor, critic])

    def update_avg_weights(self):
        avg = [self.alpha * a + (1 - self.alpha) * w for a, w in
               zip(self.avg_model.get_weights(), self.model.get_weights())]
        self.avg_model.set_weights(avg)

    def train_step(self, states, actions, q_ret, mu):
        eps = 1e-6
        one_hot = tf.one_hot(actions, self.n_actions)
        avg_probs = self.avg_model(states)[0]
        params = self.model.trainable_variables

        with tf.GradientTape(persistent=True) as tape:
            action_probs, q = self.model(states)
            values = tf.reduce_sum(action_probs * q, axis=-1)
            f_i = tf.reduce_sum(action_probs * one_hot, axis=-1)
            q_i = tf.reduce_sum(q * one_hot, axis=-1)
            rho_i = tf.stop_gradient(f_i / (mu + eps))

            entropy = tf.reduce_mean(cat_entropy_softmax(action_probs))
            advantage = tf.stop_gradient(q_ret - values)
            gain_f = tf.math.log(f_i + eps) * advantage * tf.minimum(10.0, rho_i)
            loss_policy = -tf.reduce_mean(gain_f)
            loss_q = self.q_coef * tf.reduce_mean(tf.square(tf.stop_gradient(q_ret) - q_i) * 0.5)
            objective = -(loss_policy - self.ent_coef * entropy) * self.n_steps * self.n_envs

        # trust region: project the gradient wrt the policy's statistics
        g = tape.gradient(objective, action_probs)
        k = -avg_probs / (action_probs + eps)
        k_dot_g = tf.reduce_sum(k * g, axis=-1)
        adj = tf.maximum(0.0, (k_dot_g - self.delta) / (tf.reduce_sum(tf.square(k), axis=-1) + eps))
        g = g - tf.reshape(adj, [-1, 1]) * k
        grads_f = -g / (self.n_envs * self.n_steps)

        grads_policy = tape.gradient(action_probs, params, output_gradients=grads_f)
        grads_q = tape.gradient(loss_q, params)
        del tape
        grads = [gradient_add(g1, g2, p) for g1, g2, p in zip(grads_policy, grads_q, params)]
        grads, _ = tf.clip_by_global_norm(grads, self.grad_norm)
        self.optimizer.apply_gradients(zip(grads, params))
        self.update_avg_weights()
        return loss_policy, loss_q, entropy


rng = np.random.RandomState(4)
agent = ACER(n_states=5, n_actions=3)
batch = agent.n_steps * agent.n_envs
for i in range(40):
    states = rng.normal(size=(batch, 5)).astype("float32")
    actions = rng.randint(0, 3, size=batch)
    q_ret = np.where(actions == states[:, :3].argmax(1), 1.0, -0.5).astype("float32")
    mu = np.full(batch, 1 / 3, dtype="float32")
    lp, lq, ent = agent.train_step(tf.constant(states), actions, q_ret, mu)
    if i % 10 == 0:
        print(i, "policy %.4f q %.4f entropy %.4f" % (float(lp), float(lq), float(ent)))
