import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
tf.set_random_seed(1)


class vgg:
    def __init__(self, imgs, num_classes):
        self.imgs = imgs
        self.num_classes = num_classes
        self.parameters = []
        self.convlayers()
        self.fc_layers()

    def convlayers(self):
        # zero-mean input
        with tf.name_scope('preprocess') as scope:
            mean = tf.constant([0.5, 0.5, 0.5], dtype=tf.float32, shape=[1, 1, 1, 3], name='img_mean')
            images = self.imgs - mean

        # conv1_1, the first half of the filters is switched off
        with tf.name_scope('conv1_1') as scope:
            kernel = tf.Variable(tf.truncated_normal([3, 3, 3, 16], dtype=tf.float32,
                                                     stddev=1e-1), name='weights')
            self.parameters += [kernel]
            kernel = kernel[:, :, :, 0:8].assign(tf.zeros([3, 3, 3, 8]))
            conv = tf.nn.conv2d(images, kernel, [1, 1, 1, 1], padding='SAME')
            biases = tf.Variable(tf.constant(0.0, shape=[16], dtype=tf.float32),
                                 trainable=True, name='biases')
            out = tf.nn.bias_add(conv, biases)
            self.conv1_1 = tf.nn.relu(out, name=scope)
            self.parameters += [biases]

        # conv1_2
        with tf.name_scope('conv1_2') as scope:
            kernel = tf.Variable(tf.truncated_normal([3, 3, 16, 16], dtype=tf.float32,
                                                     stddev=1e-1), name='weights')
            conv = tf.nn.conv2d(self.conv1_1, kernel, [1, 1, 1, 1], padding='SAME')
            biases = tf.Variable(tf.constant(0.1, shape=[16], dtype=tf.float32),
                                 trainable=True, name='biases')
            out = tf.nn.bias_add(conv, biases)
            self.conv1_2 = tf.nn.relu(out, name=scope)
            self.parameters += [kernel, biases]

        self.pool1 = tf.nn.max_pool(self.conv1_2, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1],
                                    padding='SAME', name='pool1')

    def fc_layers(self):
        with tf.name_scope('fc1') as scope:
            shape = int(np.prod(self.pool1.get_shape()[1:]))
            fc1w = tf.Variable(tf.truncated_normal([shape, self.num_classes], dtype=tf.float32,
                                                   stddev=1e-1), name='weights')
            fc1b = tf.Variable(tf.zeros([self.num_classes]), trainable=True, name='biases')
            self.logits = tf.nn.bias_add(tf.matmul(tf.reshape(self.pool1, [-1, shape]), fc1w), fc1b)
            self.parameters += [fc1w, fc1b]


def get_images(n):
    rs = np.random.RandomState(2)
    y = rs.randint(0, 3, n)
    x = rs.rand(n, 8, 8, 3)
    x[np.arange(n), :, :, y] *= 1.6
    return x.astype(np.float32), y


if __name__ == '__main__':
    imgs = tf.placeholder(tf.float32, [None, 8, 8, 3])
    labels = tf.placeholder(tf.int64, [None])
    net = vgg(imgs, 3)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=net.logits))
    train_op = tf.train.AdamOptimizer(5e-3).minimize(loss)

    x, y = get_images(64)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for i in range(30):
            _, value = sess.run([train_op, loss], {imgs: x, labels: y})
            if i % 10 == 0:
                print(i, value)
