# mnist_softmax with a hidden layer
from __future__ import absolute_import, division, print_function

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
tf.set_random_seed(0)


class FakeMnist(object):
    """ten noisy prototypes, same interface as the tutorial's input_data"""

    def __init__(self, seed=0):
        self.rng = np.random.RandomState(seed)
        self.prototypes = self.rng.rand(10, 196) > 0.7

    def next_batch(self, n):
        y = self.rng.randint(10, size=n)
        x = np.clip(self.prototypes[y] + 0.35 * self.rng.randn(n, 196), 0, 1)
        return x.astype("float32"), np.eye(10, dtype="float32")[y]


mnist = FakeMnist()
sess = tf.Session()

# Create the model
x = tf.placeholder(tf.float32, [None, 196])
W1 = tf.Variable(tf.random_normal([196, 100], stddev=0.1))
b1 = tf.Variable(tf.zeros([100]))
W2 = tf.Variable(tf.random_normal([100, 10], stddev=0.1))
b2 = tf.Variable(tf.zeros([10]))
h1 = tf.nn.tanh(tf.matmul(x, W1) + b1)
y = tf.matmul(h1, W2) + b2

# Define loss and optimizer
y_ = tf.placeholder(tf.float32, [None, 10])
cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=y))
train_step = tf.train.GradientDescentOptimizer(0.5).minimize(cross_entropy)

# Train
sess.run(tf.global_variables_initializer())
for i in range(300):
    batch_xs, batch_ys = mnist.next_batch(100)
    _, loss = sess.run([train_step, cross_entropy], {x: batch_xs, y_: batch_ys})
    if i % 60 == 0:
        print(i, loss)

# Test trained model
correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))
accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
test_xs, test_ys = mnist.next_batch(1000)
print("accuracy", sess.run(accuracy, {x: test_xs, y_: test_ys}))
