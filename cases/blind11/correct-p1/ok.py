"""Tiny ESRGAN: both networks are updated from one persistent tape, relativistic loss, EMA generator."""
import numpy as np
import tensorflow as tf
from tensorflow.keras import Model
from tensorflow.keras.layers import Add, Concatenate, Conv2D, Dense, Flatten, Input, Lambda, LeakyReLU

cfg = {
    "input_size": 8, "scale": 2, "batch_size": 8, "niter": 30, "lr_G": 2e-3, "lr_D": 1e-3,
    "w_pixel": 1.0, "w_feature": 0.1, "w_gan": 5e-3, "ema": 0.95, "weight_decay": 1e-5,
}
tf.keras.utils.set_random_seed(5)
reg = tf.keras.regularizers.l2(cfg["weight_decay"])


def residual_dense(x, nf=12, gc=6):
    x1 = LeakyReLU(negative_slope=0.2)(Conv2D(gc, 3, padding="same", kernel_regularizer=reg)(x))
    x2 = Conv2D(nf, 3, padding="same", kernel_regularizer=reg)(Concatenate()([x, x1]))
    return Add()([x, Lambda(lambda t: 0.2 * t)(x2)])


def RRDB_Model(size, nf=12, nb=2):
    lr = Input((size, size, 3))
    fea = Conv2D(nf, 3, padding="same", kernel_regularizer=reg)(lr)
    h = fea
    for _ in range(nb):
        h = residual_dense(h, nf)
    h = Add()([fea, h])
    h = Conv2D(3 * cfg["scale"] ** 2, 3, padding="same", kernel_regularizer=reg)(h)
    out = Lambda(lambda t: tf.nn.depth_to_space(t, cfg["scale"]))(h)
    return Model(lr, out, name="RRDB_model")


def Discriminator(size):
    x = inputs = Input((size, size, 3))
    for f in (8, 16):
        x = LeakyReLU(negative_slope=0.2)(Conv2D(f, 3, strides=2, padding="same", kernel_regularizer=reg)(x))
    return Model(inputs, Dense(1, use_bias=False, kernel_regularizer=reg)(Flatten()(x)), name="discriminator")


def FeatureNet(size):
    """fixed random features in place of VGG"""
    x = inputs = Input((size, size, 3))
    x = Conv2D(16, 3, padding="same", activation="relu", kernel_initializer="orthogonal")(x)
    x = Conv2D(16, 3, padding="same", kernel_initializer="orthogonal")(x)
    net = Model(inputs, x, name="features")
    net.trainable = False
    return net


bce = tf.keras.losses.BinaryCrossentropy(from_logits=True)


def gen_loss_fn(hr, sr):
    return 0.5 * (bce(tf.zeros_like(hr), hr - tf.reduce_mean(sr)) + bce(tf.ones_like(sr), sr - tf.reduce_mean(hr)))


def dis_loss_fn(hr, sr):
    return 0.5 * (bce(tf.ones_like(hr), hr - tf.reduce_mean(sr)) + bce(tf.zeros_like(sr), sr - tf.reduce_mean(hr)))


generator = RRDB_Model(cfg["input_size"])
discriminator = Discriminator(cfg["input_size"] * cfg["scale"])
features = FeatureNet(cfg["input_size"] * cfg["scale"])
optimizer_G = tf.keras.optimizers.Adam(cfg["lr_G"], beta_1=0.9)
optimizer_D = tf.keras.optimizers.Adam(cfg["lr_D"], beta_1=0.9)
ema_weights = [tf.Variable(w, trainable=False) for w in generator.get_weights()]


@tf.function
def train_step(lr, hr):
    with tf.GradientTape(persistent=True) as tape:
        sr = generator(lr, training=True)
        hr_output = discriminator(hr, training=True)
        sr_output = discriminator(sr, training=True)

        losses_G, losses_D = {}, {}
        losses_G["reg"] = tf.add_n(generator.losses)
        losses_D["reg"] = tf.add_n(discriminator.losses)
        losses_G["pixel"] = cfg["w_pixel"] * tf.reduce_mean(tf.abs(hr - sr))
        losses_G["feature"] = cfg["w_feature"] * tf.reduce_mean(tf.abs(features(hr) - features(sr)))
        losses_G["gan"] = cfg["w_gan"] * gen_loss_fn(hr_output, sr_output)
        losses_D["gan"] = dis_loss_fn(hr_output, sr_output)
        total_loss_G = tf.add_n([l for l in losses_G.values()])
        total_loss_D = tf.add_n([l for l in losses_D.values()])

    grads_G = tape.gradient(total_loss_G, generator.trainable_variables)
    grads_D = tape.gradient(total_loss_D, discriminator.trainable_variables)
    optimizer_G.apply_gradients(zip(grads_G, generator.trainable_variables))
    optimizer_D.apply_gradients(zip(grads_D, discriminator.trainable_variables))
    del tape
    for e, w in zip(ema_weights, generator.weights):
        e.assign(cfg["ema"] * e + (1.0 - cfg["ema"]) * w)
    return total_loss_G, total_loss_D, losses_G


def make_batch(rng):
    n, s = cfg["batch_size"], cfg["input_size"] * cfg["scale"]
    yy, xx = np.mgrid[0:s, 0:s] / s
    f = rng.uniform(2, 9, size=(n, 1, 1, 3))
    hr = 0.5 + 0.5 * np.sin(f * (xx + yy)[None, ..., None] + rng.uniform(0, 6, size=(n, 1, 1, 3)))
    lr = hr.reshape(n, s // 2, 2, s // 2, 2, 3).mean(axis=(2, 4))
    return lr.astype("float32"), hr.astype("float32")


rng = np.random.RandomState(0)
for it in range(cfg["niter"]):
    g, d, parts = train_step(*make_batch(rng))
    if it % 6 == 0:
        print("iter %2d G %.4f D %.4f pixel %.4f" % (it, g, d, parts["pixel"]))
generator.set_weights([e.numpy() for e in ema_weights])
lr, hr = make_batch(rng)
print("ema L1", float(np.abs(hr - generator.predict(lr, verbose=0)).mean()))
