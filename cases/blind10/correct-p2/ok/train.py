import keras
import numpy as np
import tensorflow as tf

from inpaint import Discriminator, Inpainter, hole_mask
from textures import texture_batches
from util import Meter, hinge_d, hinge_g

keras.utils.set_random_seed(27)


class InpaintGAN(keras.Model):
    def __init__(self, l1_weight):
        super().__init__()
        self.painter, self.disc = Inpainter(), Discriminator()
        self.l1_weight = l1_weight

    def compile(self, g_opt, d_opt):
        super().compile()
        self.g_opt, self.d_opt = g_opt, d_opt

    def fill(self, image, mask):
        painted = self.painter(tf.concat([image * (1 - mask), mask], -1), training=True)
        return image * (1 - mask) + painted * mask

    def one_round(self, image):
        mask = hole_mask(tf.shape(image)[0])
        with tf.GradientTape(persistent=True) as tape:
            done = self.fill(image, mask)
            fake_for_d = self.disc(tf.stop_gradient(done))
            real_for_d = self.disc(image)
            d_loss = hinge_d(real_for_d, fake_for_d)
            rec = tf.reduce_sum(tf.abs(done - image)) / tf.reduce_sum(mask)
            g_loss = hinge_g(self.disc(done)) * 0.02 + self.l1_weight * rec
        g_vars, d_vars = self.painter.trainable_variables, self.disc.trainable_variables
        g_grads, d_grads = tape.gradient(g_loss, g_vars), tape.gradient(d_loss, d_vars)
        del tape
        self.g_opt.apply_gradients(zip(g_grads, g_vars))
        self.d_opt.apply_gradients(zip(d_grads, d_vars))
        return {"rec": rec, "d": d_loss, "g": g_loss}


gan = InpaintGAN(l1_weight=1.0)
gan.compile(keras.optimizers.Adam(3e-3, beta_1=0.5), keras.optimizers.Adam(1e-3, beta_1=0.5))
for epoch in range(4):
    meter = Meter()
    for image in texture_batches(8, seed=epoch):
        meter.add(gan.one_round(image))
    print(f"epoch {epoch}", meter.summary())
