# projection of a CNN's output onto the boundary of a mesh, TF1 code
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
tf.set_random_seed(3)
rng = np.random.RandomState(3)

H = W = 8          # grid of the field
N_BC = 2 * H       # boundary nodes: left and right column


def conv(x, name, ch_in, ch_out, act=tf.nn.relu):
    with tf.variable_scope(name):
        w = tf.get_variable("w", [3, 3, ch_in, ch_out],
                            initializer=tf.truncated_normal_initializer(stddev=0.15))
        b = tf.get_variable("b", [ch_out], initializer=tf.constant_initializer(0.05))
        y = tf.nn.conv2d(x, w, strides=[1, 1, 1, 1], padding="SAME") + b
        return act(y) if act is not None else y


def fcn(image):
    h = conv(image, "c1", 1, 8)
    h = conv(h, "c2", 8, 8)
    return conv(h, "c3", 8, 1, act=None)


image = tf.placeholder(tf.float32, [1, H, W, 1], name="image")
target = tf.placeholder(tf.float32, [N_BC], name="target")

field = tf.reshape(fcn(image), [H, W])

# collect the boundary values, node by node in the solver's numbering
nodes = []
for i in range(H):
    nodes.append(field[i, 0])
    nodes.append(field[i, W - 1])
values = tf.stack(nodes, name="boundary")

mean = tf.reduce_mean(values)
loss = tf.reduce_mean(tf.square(values - target)) + 0.01 * tf.square(mean)

cnn_vars = tf.trainable_variables()
train_op = tf.train.AdamOptimizer(5e-3).minimize(loss, var_list=cnn_vars)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    img = rng.rand(1, H, W, 1)
    bc = np.stack([img[0, :, 0, 0], 2.0 * img[0, :, -1, 0]], axis=1).reshape(-1)
    for step in range(60):
        _, l = sess.run([train_op, loss], {image: img, target: bc})
        if step % 20 == 0:
            print(step, l)
    print("final", l)
