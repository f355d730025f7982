"""Small road segmentation net, trainable with the solver settings in `hypes`."""
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()


hypes = {
    "solver": {"opt": "Adam", "adam_eps": 1e-5, "learning_rate": 5e-3, "max_steps": 30},
    "clip_norm": 1.0,
    "arch": {"num_classes": 2, "image_height": 12, "image_width": 16},
}


def conv_layer(bottom, filters, name, relu=True):
    with tf.variable_scope(name):
        shape = [3, 3, int(bottom.get_shape()[3]), filters]
        filt = tf.get_variable("filter", shape, initializer=tf.truncated_normal_initializer(stddev=0.1))
        bias = tf.get_variable("biases", [filters], initializer=tf.constant_initializer(0.0))
        conv = tf.nn.bias_add(tf.nn.conv2d(bottom, filt, [1, 1, 1, 1], padding="SAME"), bias)
        return tf.nn.relu(conv) if relu else conv


def inference(hypes, images):
    conv1 = conv_layer(images, 8, "conv1_1")
    conv2 = conv_layer(conv1, 8, "conv1_2")
    return conv_layer(conv2, hypes["arch"]["num_classes"], "score_fr", relu=False)


def loss(hypes, logits, labels):
    with tf.name_scope("loss"):
        xentropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        return {"total_loss": tf.reduce_mean(xentropy, name="total_loss")}


def training(hypes, loss, global_step, learning_rate, opt=None):
    """Sets up the training Ops."""
    sol = hypes["solver"]
    hypes["tensors"] = {}
    hypes["tensors"]["global_step"] = global_step
    total_loss = loss["total_loss"]
    with tf.name_scope("training"):

        if opt is None:
            if sol["opt"] == "RMS":
                opt = tf.train.RMSPropOptimizer(learning_rate=learning_rate, decay=0.9, epsilon=sol["epsilon"])
            elif sol["opt"] == "Adam":
                opt = tf.train.AdamOptimizer(learning_rate=learning_rate, epsilon=sol["adam_eps"])
            elif sol["opt"] == "SGD":
                opt = tf.train.GradientDescentOptimizer(learning_rate=learning_rate)
            else:
                raise ValueError("Unrecognized opt type")

        hypes["opt"] = opt

        grads_and_vars = opt.compute_gradients(total_loss)

        if hypes["clip_norm"] > 0:
            grads, tvars = zip(*grads_and_vars)
            clip_norm = hypes["clip_norm"]
            clipped_grads, norm = tf.clip_by_global_norm(grads, clip_norm)
            grads_and_vars = zip(clipped_grads, tvars)

        train_op = opt.apply_gradients(grads_and_vars, global_step=global_step)

        update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)

        with tf.control_dependencies(update_ops):
            train_op = opt.apply_gradients(grads_and_vars, global_step=global_step)

    return train_op


def synthetic_roads(n, h, w, seed=0):
    rs = np.random.RandomState(seed)
    gt = np.zeros((n, h, w), np.int32)
    for i in range(n):
        left = rs.randint(0, w - 6)
        gt[i, h // 2:, left:left + 6] = 1
    img = gt[..., None] * 0.7 + rs.normal(0, 0.3, (n, h, w, 3))
    return img.astype(np.float32), gt


def main():
    tf.set_random_seed(1)
    arch = hypes["arch"]
    images, gt = synthetic_roads(16, arch["image_height"], arch["image_width"])
    image_pl = tf.placeholder(tf.float32, [None, arch["image_height"], arch["image_width"], 3])
    label_pl = tf.placeholder(tf.int32, [None, arch["image_height"], arch["image_width"]])

    logits = inference(hypes, image_pl)
    losses = loss(hypes, logits, label_pl)
    global_step = tf.Variable(0, trainable=False, name="global_step")
    train_op = training(hypes, losses, global_step, hypes["solver"]["learning_rate"])

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(hypes["solver"]["max_steps"]):
            _, value = sess.run([train_op, losses["total_loss"]], {image_pl: images, label_pl: gt})
            if step % 10 == 0:
                print("Step %d: loss = %.4f" % (step, value))


if __name__ == "__main__":
    main()
