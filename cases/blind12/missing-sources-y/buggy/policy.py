import tensorflow as tf

from networks import SquashedGaussianActor, TwinCritic

DEFAULT_CONFIG = {
    "gamma": 0.95,
    "tau": 0.02,
    "initial_alpha": 1.0,
    "target_entropy": "auto",
    "actor_learning_rate": 3e-3,
    "critic_learning_rate": 3e-3,
}


class SACPolicy:
    def __init__(self, obs_dim, action_dim, config=None):
        self.config = dict(DEFAULT_CONFIG, **(config or {}))
        self.actor = SquashedGaussianActor(action_dim)
        self.critic = TwinCritic()
        self.target_critic = TwinCritic(name="target_critic")
        obs, act = tf.zeros((1, obs_dim)), tf.zeros((1, action_dim))
        self.actor(obs), self.critic([obs, act]), self.target_critic([obs, act])
        self.target_critic.set_weights(self.critic.get_weights())

        self.log_alpha = tf.Variable(tf.math.log(self.config["initial_alpha"]), name="log_alpha")
        target = self.config["target_entropy"]
        self.target_entropy = -float(action_dim) if target == "auto" else float(target)
        self.critic_optim = tf.keras.optimizers.Adam(self.config["critic_learning_rate"])
        self.policy_optim = tf.keras.optimizers.Adam(self.config["actor_learning_rate"])

    @property
    def alpha(self):
        return tf.exp(self.log_alpha)

    def policy_variables(self):
        return self.actor.trainable_variables

    def actor_loss(self, batch):
        action, logp = self.actor.sample(batch["obs"])
        q = tf.minimum(*self.critic([batch["obs"], action]))
        return tf.reduce_mean(tf.stop_gradient(self.alpha) * logp - q), logp

    def alpha_loss(self, logp):
        return -tf.reduce_mean(self.log_alpha * tf.stop_gradient(logp + self.target_entropy))

    def critic_loss(self, batch):
        next_action, next_logp = self.actor.sample(batch["next_obs"])
        next_q = tf.minimum(*self.target_critic([batch["next_obs"], next_action]))
        target = tf.stop_gradient(batch["reward"] + self.config["gamma"] * (next_q - self.alpha * next_logp))
        q1, q2 = self.critic([batch["obs"], batch["action"]])
        return tf.reduce_mean(tf.square(target - q1)) + tf.reduce_mean(tf.square(target - q2))

    @tf.function
    def learn_on_batch(self, batch):
        with tf.GradientTape() as tape:
            critic_loss = self.critic_loss(batch)
        variables = self.critic.trainable_variables
        self.critic_optim.apply_gradients(zip(tape.gradient(critic_loss, variables), variables))

        with tf.GradientTape() as tape:
            actor_loss, logp = self.actor_loss(batch)
            alpha_loss = self.alpha_loss(logp)
            total_loss = actor_loss + alpha_loss
        variables = self.policy_variables()
        self.policy_optim.apply_gradients(zip(tape.gradient(total_loss, variables), variables))

        for t, v in zip(self.target_critic.trainable_variables, self.critic.trainable_variables):
            t.assign((1 - self.config["tau"]) * t + self.config["tau"] * v)
        return {"critic_loss": critic_loss, "actor_loss": actor_loss, "alpha_loss": alpha_loss,
                "entropy": -tf.reduce_mean(logp), "alpha_value": self.alpha}
