from __future__ import absolute_import, division, print_function
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()

# saturates hyperbolically on the left, grows like a log on the right
transfer = lambda x: tf.where(x < 0, 1. / (1. - tf.minimum(x, 0)), tf.log(tf.maximum(x, 0) + 1) + 1)


class Tuning(object):
    """firing rate of a cell = gain * transfer(w * stimulus + b)"""

    def __init__(self, n_cells):
        self.stim = tf.placeholder(tf.float32, shape=(None, 1))
        self.rate = tf.placeholder(tf.float32, shape=(None, n_cells))
        self.w = tf.Variable(tf.ones([1, n_cells]), name='w')
        self.b = tf.Variable(tf.zeros([n_cells]), name='b')
        self.gain = tf.Variable(0.5 * tf.ones([n_cells]), name='gain')
        drive = tf.matmul(self.stim, self.w) + self.b
        self.pred = self.gain * transfer(drive)
        self.loss = tf.reduce_mean(tf.square(self.pred - self.rate))
        opt = tf.train.GradientDescentOptimizer(0.05)
        self.gv = opt.compute_gradients(self.loss)
        self.step = opt.apply_gradients(self.gv)


def simulate(n_cells, rng):
    # contrast steps of the stimulus: -4, -3, ..., 4
    stim = np.tile(np.arange(-4, 5), 10).astype('float32')[:, None]
    w = rng.uniform(0.5, 1.5, size=(1, n_cells))
    drive = stim.dot(w)
    rate = np.where(drive < 0, 1. / (1. + np.abs(drive)), np.log1p(np.abs(drive)) + 1)
    return stim, rate + 0.02 * rng.normal(size=rate.shape)


stim, rate = simulate(3, np.random.RandomState(0))
model = Tuning(3)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for it in range(200):
        feed = {model.stim: stim, model.rate: rate}
        loss, grads, _ = sess.run([model.loss, [g for g, _ in model.gv], model.step], feed)
        if it % 50 == 0:
            print(it, loss, [g.ravel()[:3] for g in grads])
    print('w', sess.run(model.w))
