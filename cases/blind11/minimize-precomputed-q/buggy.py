import re

import numpy as np
import tensorflow as tf
import tf_keras as keras

np.random.seed(1)
tf.random.set_seed(1)
SIZE, LAMBDA_PIX, LAMBDA_TV = 12, 10.0, 0.1


def conv(name, cin, cout):
    w = tf.Variable(tf.random.normal([3, 3, cin, cout], stddev=0.1), name="g_%s_w" % name)
    b = tf.Variable(tf.zeros([cout]), name="g_%s_b" % name)
    return w, b


PARAMS = dict(enc=conv("enc", 2, 12), mid=conv("mid", 12, 12), dec=conv("dec", 12, 1))
scale = tf.Variable(1.0, name="d_scale")


def all_variables():
    out = [scale]
    for w, b in PARAMS.values():
        out += [w, b]
    return out


def generator(masked, mask):
    h = tf.concat([masked, mask], -1)
    for key in ("enc", "mid"):
        w, b = PARAMS[key]
        h = tf.nn.relu(tf.nn.conv2d(h, w, 1, "SAME") + b)
    w, b = PARAMS["dec"]
    return tf.nn.sigmoid(tf.nn.conv2d(h, w, 1, "SAME") + b)


def inpainting_losses(images, mask):
    lossDict = {}
    fake = generator(images * mask, mask)
    lossDict["pix"] = tf.reduce_mean(tf.abs(fake - images))
    lossDict["tv"] = tf.reduce_mean(tf.image.total_variation(fake)) / SIZE ** 2
    lossDict["all_loss"] = LAMBDA_PIX * lossDict["pix"] + LAMBDA_TV * lossDict["tv"]
    return lossDict


def batches(n, bs=16):
    yy, xx = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    for _ in range(n):
        a, b, c = np.random.rand(3, bs, 1, 1)
        img = 0.5 + 0.5 * np.sin(6 * (a * xx + b * yy) + 6 * c)
        mask = np.ones((bs, SIZE, SIZE, 1))
        mask[:, 4:8, 4:8] = 0
        yield tf.constant(img[..., None], tf.float32), tf.constant(mask, tf.float32)


all_vars = [var for var in all_variables() if re.match("g_", var.name)]
for var in all_vars:
    print("Listing trainable variables ... ", var.name, var.shape)
optimizer = keras.optimizers.Adam(learning_rate=2e-3)

for it, (images, mask) in enumerate(batches(40)):
    lossDict = inpainting_losses(images, mask)
    optimizer.minimize(lossDict["all_loss"], var_list=all_vars, tape=tf.GradientTape())
    if it % 8 == 0:
        print("iter %d  all %.4f  pix %.4f" % (it, lossDict["all_loss"], lossDict["pix"]))
