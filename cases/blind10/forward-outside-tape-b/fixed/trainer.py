import keras
import tensorflow as tf

import nets

bce = keras.losses.BinaryCrossentropy(from_logits=True)


class GanTrainer:
    def __init__(self, cfg):
        self.cfg = cfg
        self.G = nets.generator(cfg)
        self.D = nets.critic(cfg)
        self.opt_g = keras.optimizers.Adam(cfg.lr_g, beta_1=0.5)
        self.opt_d = keras.optimizers.Adam(cfg.lr_d, beta_1=0.5)

    def sample(self, n):
        z = tf.random.normal([n, self.cfg.latent])
        return self.G(z, training=True)

    def update_critic(self, real, fake):
        with tf.GradientTape() as tape:
            real_logit = self.D(real, training=True)
            fake_logit = self.D(fake, training=True)
            loss = bce(0.9 * tf.ones_like(real_logit), real_logit)
            loss += bce(tf.zeros_like(fake_logit), fake_logit)
        grads = tape.gradient(loss, self.D.trainable_variables)
        self.opt_d.apply_gradients(zip(grads, self.D.trainable_variables))
        return loss

    def update_generator(self):
        with tf.GradientTape() as tape:
            fake = self.sample(self.cfg.batch)
            logit = self.D(fake, training=True)
            loss = bce(tf.ones_like(logit), logit)
        grads = tape.gradient(loss, self.G.trainable_variables)
        self.opt_g.apply_gradients(zip(grads, self.G.trainable_variables))
        return loss

    def step(self, real):
        fake = self.sample(self.cfg.batch)
        d_loss = self.update_critic(real, fake)
        g_loss = self.update_generator()
        return {"d": float(d_loss), "g": float(g_loss)}
