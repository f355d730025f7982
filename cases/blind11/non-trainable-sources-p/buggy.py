"""Small residual network for displacement regression, written after the eager ResNet50 example."""
import functools

import tensorflow as tf

layers = tf.keras.layers
tf.keras.utils.set_random_seed(8)


class IdentityBlock(tf.keras.Model):
    def __init__(self, filters, stage):
        super().__init__(name="res%d" % stage)
        self.conv2a = layers.Conv2D(filters, 1)
        self.bn2a = layers.BatchNormalization()
        self.conv2b = layers.Conv2D(filters, 3, padding="same")
        self.bn2b = layers.BatchNormalization()

    def call(self, x, training=False):
        h = tf.nn.relu(self.bn2a(self.conv2a(x), training=training))
        h = self.bn2b(self.conv2b(h), training=training)
        return tf.nn.relu(h + x)


class ResNet(tf.keras.Model):
    def __init__(self, outputs=2):
        super().__init__(name="resnet")
        self.stem = layers.Conv2D(8, 3, strides=2, padding="same")
        self.bn = layers.BatchNormalization()
        self.blocks = [IdentityBlock(8, stage=k) for k in (2, 3)]
        self.pool = layers.Flatten()
        self.head = layers.Dense(outputs)

    def call(self, x, training=False):
        x = tf.nn.relu(self.bn(self.stem(x), training=training))
        x = functools.reduce(lambda h, block: block(h, training=training), self.blocks, x)
        return self.head(self.pool(x))


def compute_loss(prediction, label, operation="L2"):
    if operation == "L2":
        return tf.reduce_mean(tf.reduce_sum((prediction - label) ** 2, -1))
    return tf.reduce_mean(tf.abs(prediction - label))


def spots(n):
    centre = tf.random.uniform([n, 2], -0.8, 0.8)
    g = tf.linspace(-1.0, 1.0, 16)
    img = tf.exp(-10 * ((g[None, :, None] - centre[:, 0, None, None]) ** 2 + (g[None, None] - centre[:, 1, None, None]) ** 2))
    return img[..., None], centre


model = ResNet()
optimizer = tf.keras.optimizers.Adam(3e-3)
for step in range(25):
    x, label = spots(32)
    with tf.GradientTape() as tape:
        prediction = model(x, training=True)
        loss = compute_loss(prediction, label, operation="L2")
    var_list = model.variables
    grads = tape.gradient(loss, var_list)
    grads = [tf.clip_by_value(g, -1.0, 1.0) for g in grads]
    optimizer.apply_gradients(zip(grads, var_list))
    if step % 6 == 0:
        print("step %d loss %.4f" % (step, float(loss)))
