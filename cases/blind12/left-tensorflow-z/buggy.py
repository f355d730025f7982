import numpy as np
import tensorflow as tf

np.random.seed(0)

color_channels = 3
feature_size = 6
kernel_size = 3
n_images = 24


def loss(ground_truth, output):
    difference = np.abs(ground_truth - output)
    return tf.reduce_sum(difference) / len(ground_truth)


def kernel(*args):
    return tf.Variable(0.2 * (np.random.rand(*args) - 0.4), dtype=tf.float32)


k1 = kernel(kernel_size, kernel_size, color_channels, feature_size)
k2 = kernel(kernel_size, kernel_size, feature_size, feature_size)
k3 = kernel(kernel_size, kernel_size, feature_size, 1)
kernels = [k1, k2, k3]


def net(images):
    """colour image -> depth of every pixel"""
    x = tf.nn.leaky_relu(tf.nn.conv2d(images, k1, strides=1, padding="SAME"))
    x = tf.nn.leaky_relu(tf.nn.conv2d(x, k2, strides=1, padding="SAME"))
    return tf.nn.conv2d(x, k3, strides=1, padding="SAME")


def load_images():
    images = np.random.rand(n_images, 10, 10, color_channels).astype(np.float32)
    depth = 0.7 * images[..., :1] + 0.3 * images[..., 2:]
    return images, depth


images, depth = load_images()
optimizer = tf.keras.optimizers.Adam(learning_rate=0.01)

for epoch in range(5):
    total = 0.0
    for i in range(0, n_images, 4):
        batch, ground_truth = images[i:i + 4], depth[i:i + 4]
        with tf.GradientTape() as tape:
            output = net(batch)
            l = loss(ground_truth, output)
        gradients = tape.gradient(l, kernels)
        optimizer.apply_gradients(zip(gradients, kernels))
        total += float(l)
    print("epoch", epoch, "loss", total)
