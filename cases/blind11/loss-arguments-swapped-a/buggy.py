import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()


def weight_variable(shape):
    return tf.Variable(tf.truncated_normal(shape, stddev=0.1, seed=1))


def bias_variable(shape):
    return tf.Variable(tf.constant(0.1, shape=shape))


def conv2d(x, W):
    return tf.nn.conv2d(x, W, strides=[1, 1, 1, 1], padding='SAME')


def max_pool_2x2(x):
    return tf.nn.max_pool2d(x, ksize=2, strides=2, padding='SAME')


def deepnn(x):
    with tf.name_scope('conv1'):
        W_conv1, b_conv1 = weight_variable([5, 5, 1, 6]), bias_variable([6])
        h_pool1 = max_pool_2x2(tf.nn.relu(conv2d(tf.reshape(x, [-1, 12, 12, 1]), W_conv1) + b_conv1))
    with tf.name_scope('fc1'):
        W_fc1, b_fc1 = weight_variable([6 * 6 * 6, 32]), bias_variable([32])
        h_fc1 = tf.nn.relu(tf.matmul(tf.reshape(h_pool1, [-1, 6 * 6 * 6]), W_fc1) + b_fc1)
    with tf.name_scope('dropout'):
        keep_prob = tf.placeholder(tf.float32)
        h_drop = tf.nn.dropout(h_fc1, rate=1 - keep_prob)
    with tf.name_scope('fc2'):
        W_fc2, b_fc2 = weight_variable([32, 10]), bias_variable([10])
        y_conv = tf.matmul(h_drop, W_fc2) + b_fc2
    return y_conv, keep_prob


class Digits:
    """12x12 thumbnails, one prototype a class"""

    def __init__(self):
        self.rng = np.random.RandomState(0)
        self.proto = self.rng.rand(10, 144)

    def next_batch(self, n):
        label = self.rng.randint(10, size=n)
        return self.proto[label] + 0.2 * self.rng.randn(n, 144), np.eye(10)[label]


digits = Digits()
x = tf.placeholder(tf.float32, [None, 144])
y_ = tf.placeholder(tf.float32, [None, 10])
y_conv, keep_prob = deepnn(x)

with tf.name_scope('loss'):
    val = tf.nn.softmax_cross_entropy_with_logits(logits=y_, labels=y_conv)
    cross_entropy = tf.reduce_mean(val)

with tf.name_scope('adam_optimizer'):
    train_step = tf.train.AdamOptimizer(1e-3).minimize(cross_entropy)

with tf.name_scope('accuracy'):
    correct_prediction = tf.equal(tf.argmax(y_conv, 1), tf.argmax(y_, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(151):
        xs, ys = digits.next_batch(50)
        if i % 50 == 0:
            print('step %d, training accuracy %g' % (i, accuracy.eval({x: xs, y_: ys, keep_prob: 1.0})))
        train_step.run({x: xs, y_: ys, keep_prob: 0.5})
