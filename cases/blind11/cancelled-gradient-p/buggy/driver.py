"""On policy driver: acts in the environment while the training tape is recording."""
import tensorflow as tf

from distributions import DiagNormal


class ReacherEnv:
    """batch of one step reaching tasks; reward is the negative squared distance"""

    def __init__(self, batch_size, dim=2):
        self.batch_size, self.dim = batch_size, dim

    def reset(self):
        self.goal = tf.random.uniform([self.batch_size, self.dim], -1.0, 1.0)
        return self.goal

    def step(self, action):
        return -tf.reduce_sum(tf.square(action - self.goal), axis=-1)


class OnPolicyDriver:
    def __init__(self, env, actor):
        self.env, self.actor = env, actor

    def rollout(self):
        obs = self.env.reset()
        action_distribution = DiagNormal(*self.actor(obs))
        action = action_distribution.sample()
        reward = tf.stop_gradient(self.env.step(action))
        return action_distribution, action, reward
