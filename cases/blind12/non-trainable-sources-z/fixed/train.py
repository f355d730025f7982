import time

import numpy as np
import tensorflow as tf

from config import config
from model import get_D, get_G

tf.keras.utils.set_random_seed(1)
np.random.seed(1)


def get_train_data():
    hr = np.zeros((32, config.hr, config.hr, 3), "float32")
    for img in hr:
        a, b = np.random.rand(2)
        u = np.linspace(0, 3, config.hr)
        img[..., 0] = np.sin(u[:, None] + 6 * a)
        img[..., 1] = np.cos(u[None, :] + 6 * b)
        img[..., 2] = np.sin(u[:, None] * a + u[None, :] * b)
    train_ds = tf.data.Dataset.from_tensor_slices(hr)

    def _map_fn(hr_patch):
        lr_patch = tf.image.resize(hr_patch, [config.lr, config.lr])
        return lr_patch, hr_patch

    return train_ds.map(_map_fn).batch(config.batch_size)


def sigmoid_cross_entropy(logits, target):
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=target))


def train():
    G = get_G((config.lr, config.lr, 3))
    D = get_D((config.hr, config.hr, 3))
    g_optimizer_init = tf.optimizers.Adam(config.lr_init, beta_1=0.9)
    g_optimizer = tf.optimizers.Adam(config.lr_init, beta_1=0.9)
    d_optimizer = tf.optimizers.Adam(config.lr_init, beta_1=0.9)
    train_ds = get_train_data()
    g_weights, d_weights = G.trainable_weights, D.trainable_weights

    ## initialize learning (G)
    for epoch in range(config.n_epoch_init):
        for step, (lr_patchs, hr_patchs) in enumerate(train_ds):
            step_time = time.time()
            with tf.GradientTape() as tape:
                fake_hr_patchs = G(lr_patchs, training=True)
                mse_loss = tf.reduce_mean(tf.square(fake_hr_patchs - hr_patchs))
            grad = tape.gradient(mse_loss, g_weights)
            g_optimizer_init.apply_gradients(zip(grad, g_weights))
            print("Epoch: [{}] step: [{}] time: {:.2f}s, mse: {:.3f}".format(
                epoch, step, time.time() - step_time, mse_loss))

    ## adversarial learning (G, D)
    for epoch in range(config.n_epoch):
        for step, (lr_patchs, hr_patchs) in enumerate(train_ds):
            with tf.GradientTape(persistent=True) as tape:
                fake_patchs = G(lr_patchs, training=True)
                logits_fake = D(fake_patchs, training=True)
                logits_real = D(hr_patchs, training=True)
                d_loss = sigmoid_cross_entropy(logits_real, tf.ones_like(logits_real)) + \
                    sigmoid_cross_entropy(logits_fake, tf.zeros_like(logits_fake))
                g_gan_loss = 1e-3 * sigmoid_cross_entropy(logits_fake, tf.ones_like(logits_fake))
                mse_loss = tf.reduce_mean(tf.square(fake_patchs - hr_patchs))
                g_loss = mse_loss + g_gan_loss
            grad = tape.gradient(g_loss, g_weights)
            g_optimizer.apply_gradients(zip(grad, g_weights))
            grad = tape.gradient(d_loss, d_weights)
            d_optimizer.apply_gradients(zip(grad, d_weights))
            del tape
        print("Epoch: [{}] g_loss {:.3f} d_loss {:.3f}".format(epoch, g_loss, d_loss))


if __name__ == "__main__":
    train()
