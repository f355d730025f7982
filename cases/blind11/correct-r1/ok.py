"""PointNet with input transform, graph mode."""
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
tf.set_random_seed(4)
NUM_POINT, BATCH_SIZE, NUM_CLASSES = 48, 16, 3


def conv1d(inputs, num_output, scope, activation_fn=tf.nn.relu):
    """per point dense layer, weights shared over the points"""
    with tf.variable_scope(scope):
        w = tf.get_variable("weights", [inputs.shape[-1], num_output], initializer=tf.glorot_uniform_initializer())
        b = tf.get_variable("biases", [num_output], initializer=tf.constant_initializer(0.0))
        outputs = tf.einsum("...i,ij->...j", inputs, w) + b
        return activation_fn(outputs) if activation_fn is not None else outputs


def input_transform_net(point_cloud, K=3):
    """Input (XYZ) Transform Net, input is BxNx3, returns the transformation matrix of size 3xK"""
    with tf.variable_scope("transform_net1"):
        net = conv1d(point_cloud, 16, "tconv1")
        net = conv1d(net, 32, "tconv2")
        net = tf.reduce_max(net, axis=1)
        net = conv1d(net, 24, "tfc1")
        with tf.variable_scope("transform_XYZ"):
            weights = tf.get_variable("weights", [24, 3 * K], initializer=tf.constant_initializer(0.0), dtype=tf.float32)
            biases = tf.get_variable("biases", [3 * K], initializer=tf.constant_initializer(0.0), dtype=tf.float32)
            biases = biases + tf.constant(np.eye(K).flatten(), dtype=tf.float32)
            transform = tf.matmul(net, weights)
            transform = tf.nn.bias_add(transform, biases)
        return tf.reshape(transform, [-1, 3, K])


def get_model(point_cloud, keep_prob):
    end_points = {}
    transform = input_transform_net(point_cloud)
    end_points["transform"] = transform
    net = tf.matmul(point_cloud, transform)
    net = conv1d(net, 24, "conv1")
    net = conv1d(net, 48, "conv2")
    net = tf.reduce_max(net, axis=1)
    net = conv1d(net, 24, "fc1")
    net = tf.nn.dropout(net, keep_prob=keep_prob)
    return conv1d(net, NUM_CLASSES, "fc2", activation_fn=None), end_points


def get_loss(pred, label, end_points, reg_weight=0.001):
    classify_loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=pred, labels=label))
    # Enforce the transformation as orthogonal matrix
    transform = end_points["transform"]
    mat_diff = tf.matmul(transform, tf.transpose(transform, perm=[0, 2, 1]))
    mat_diff -= tf.constant(np.eye(3), dtype=tf.float32)
    return classify_loss + tf.nn.l2_loss(mat_diff) * reg_weight


def make_clouds(n, rng):
    label = rng.randint(NUM_CLASSES, size=n)
    p = rng.randn(n, NUM_POINT, 3)
    sphere = p / np.linalg.norm(p, axis=-1, keepdims=True)
    box = np.clip(1.6 * p, -0.7, 0.7)
    stick = p * np.array([0.1, 0.1, 1.0])
    cloud = np.choose(label[:, None, None], [sphere, box, stick])
    angle = rng.uniform(0, 2 * np.pi, n)
    rot = np.zeros((n, 3, 3))
    rot[:, 0, 0] = rot[:, 1, 1] = np.cos(angle)
    rot[:, 0, 1], rot[:, 1, 0], rot[:, 2, 2] = -np.sin(angle), np.sin(angle), 1
    return (cloud @ rot).astype("float32"), label.astype("int32")


pointclouds_pl = tf.placeholder(tf.float32, shape=(None, NUM_POINT, 3))
labels_pl = tf.placeholder(tf.int32, shape=(None,))
keep_prob = tf.placeholder_with_default(1.0, shape=())
pred, end_points = get_model(pointclouds_pl, keep_prob)
loss = get_loss(pred, labels_pl, end_points)
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(pred, 1, output_type=tf.int32), labels_pl), tf.float32))

batch = tf.Variable(0, trainable=False, name="batch")
learning_rate = tf.maximum(tf.train.exponential_decay(0.01, batch, 50, 0.7, staircase=True), 1e-5)
train_op = tf.train.AdamOptimizer(learning_rate).minimize(loss, global_step=batch)

rng = np.random.RandomState(0)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(100):
        clouds, labels = make_clouds(BATCH_SIZE, rng)
        _, loss_val, acc = sess.run([train_op, loss, accuracy], {pointclouds_pl: clouds, labels_pl: labels, keep_prob: 0.7})
        if step % 20 == 0:
            print("step %3d loss %.4f accuracy %.2f" % (step, loss_val, acc))
    clouds, labels = make_clouds(300, rng)
    print("eval accuracy", sess.run(accuracy, {pointclouds_pl: clouds, labels_pl: labels}))
