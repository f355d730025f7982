import numpy as np
import tensorflow as tf

tf.random.set_seed(9)
np.random.seed(9)


def my_mask(x):
    return tf.cast(tf.greater(x, 0), tf.float32)


def diff_mask(mask_op):
    """Gives the hard mask the gradient of a sigmoid."""
    @tf.custom_gradient
    def _diff_mask(x):
        def grad(dy):
            s = tf.sigmoid(x)
            return dy * s * (1 - s)
        return mask_op(x), grad
    return _diff_mask


class MaskedRegression(tf.Module):
    """Linear model that switches unneeded inputs off."""

    def __init__(self, n_inputs, name=None):
        super().__init__(name=name)
        self.w = tf.Variable(tf.random.normal([n_inputs, 1], stddev=0.1), name='w')
        self.gate = tf.Variable(tf.random.uniform([n_inputs], 0.1, 0.5), name='gate')
        self.mask = diff_mask(my_mask)

    def __call__(self, x):
        m = self.mask(self.gate)
        return tf.matmul(x * m, self.w), m


n, k = 256, 12
true_w = np.zeros((k, 1), 'float32')
true_w[[1, 4, 7]] = [[2.0], [-1.5], [1.0]]
x = np.random.normal(size=(n, k)).astype('float32')
y = x @ true_w + 0.05 * np.random.normal(size=(n, 1)).astype('float32')

model = MaskedRegression(k)
optimizer = tf.keras.optimizers.Adam(0.03)
penalty = 0.05

for step in range(300):
    with tf.GradientTape() as tape:
        pred, m = model(x)
        mse = tf.reduce_mean(tf.square(pred - y))
        loss = mse + penalty * tf.reduce_sum(m)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    if step % 75 == 0:
        print(step, 'loss %.4f mse %.4f' % (float(loss), float(mse)), 'inputs used', int(tf.reduce_sum(m)))

print('kept', np.flatnonzero(my_mask(model.gate).numpy()))
print('weights', np.round(model.w.numpy().ravel(), 2))
