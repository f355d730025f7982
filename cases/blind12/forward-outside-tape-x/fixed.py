import tensorflow as tf


def value_and_gradients(f, variables):
    """Replacement for tfe.implicit_value_and_gradients."""
    def grad_fn(*args):
        with tf.GradientTape() as tape:
            value = f(*args)
        return value, list(zip(tape.gradient(value, variables), variables))
    return grad_fn


v = tf.Variable(initial_value=[1.0, -2.0], trainable=True, name='v')
w = tf.Variable(initial_value=0.5, trainable=True, name='w')


def loss(x, y):
    v_add_1 = v + 1.
    w_sq = tf.square(w)
    pred = tf.reduce_sum(v_add_1 * x, axis=1) + w_sq
    return 2. * tf.reduce_mean(tf.square(pred - y))


tf.random.set_seed(3)
x = tf.random.normal([32, 2])
y = tf.linalg.matvec(x, tf.constant([3.0, 0.5])) + 1.0

optimizer = tf.keras.optimizers.SGD(0.05)
value_and_gradients_fn = value_and_gradients(loss, [v, w])

for step in range(20):
    val, grads_and_vars = value_and_gradients_fn(x, y)
    optimizer.apply_gradients(grads_and_vars)
    if step % 5 == 0:
        print(step, float(val))

print('v:', v.numpy(), 'w:', w.numpy())
