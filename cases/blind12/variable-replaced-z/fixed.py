# train a small fc net, prune the small weights and train on with the masks
import numpy as np
import tensorflow as tf

np.random.seed(0)
tf.random.set_seed(0)

x_train = np.random.normal(size=(200, 16)).astype(np.float32)
y_train = (x_train[:, 0] - x_train[:, 1] * x_train[:, 2] > 0).astype(np.int32)


class Net(object):
    def __init__(self, sizes):
        self.params = {}
        self.n_layers = len(sizes) - 1
        for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:])):
            self.params["w%d" % i] = tf.Variable(tf.random.normal([a, b], stddev=(2.0 / a) ** 0.5))
            self.params["b%d" % i] = tf.Variable(tf.zeros([b]))

    def logits(self, x):
        for i in range(self.n_layers):
            x = tf.matmul(x, self.params["w%d" % i]) + self.params["b%d" % i]
            if i < self.n_layers - 1:
                x = tf.nn.relu(x)
        return x

    def loss(self, x, y):
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=y, logits=self.logits(x)))


def make_masks(net, fraction):
    masks = {}
    for name, value in net.params.items():
        if name.startswith("w"):
            cut = np.quantile(np.abs(value.numpy()), fraction)
            masks[name] = tf.cast(tf.abs(value) > cut, tf.float32)
    return masks


def train(net, optimizer, steps, masks=None):
    for step in range(steps):
        rows = np.random.randint(0, len(x_train), 32)
        with tf.GradientTape() as tape:
            loss = net.loss(x_train[rows], y_train[rows])
        names = sorted(net.params)
        grads = tape.gradient(loss, [net.params[n] for n in names])

        # gradient modification
        if masks:
            grads = [g * masks[n] if n in masks else g for g, n in zip(grads, names)]
        optimizer.apply_gradients(zip(grads, [net.params[n] for n in names]))

        # weight modification, the momentum must not wake up a pruned weight
        if masks:
            for n in masks:
                net.params[n].assign(net.params[n] * masks[n])
        if step % 20 == 0:
            print("step", step, "loss", float(loss))


net = Net([16, 24, 2])
optimizer = tf.optimizers.SGD(0.1, momentum=0.9)
train(net, optimizer, 40)
masks = make_masks(net, 0.5)
print("--- pruned", {n: int(tf.reduce_sum(1 - m)) for n, m in masks.items()})
train(net, optimizer, 40, masks)
