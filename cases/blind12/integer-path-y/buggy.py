import tensorflow as tf


def forward(a, b, x):
    """f = a * x + b"""
    return a * x + b


def loss_fn(params, x, y):
    result = forward(*params, x)
    return tf.reduce_mean(tf.square(tf.cast(result - y, tf.float32)))


params = [tf.Variable(1, name="a"), tf.Variable(2, name="b")]
x = tf.constant([-2, -1, 0, 1, 2, 3])
y = tf.constant([-9, -5, -1, 3, 7, 11])      # 4 x - 1
lr = 0.05

for step in range(60):
    with tf.GradientTape() as tape:
        loss = loss_fn(params, x, y)
    grads = tape.gradient(loss, params)
    for p, g in zip(params, grads):
        p.assign_sub(lr * g)
    if step % 20 == 0:
        print("step", step, "loss", loss.numpy(), [p.numpy() for p in params])

print("f(10) =", forward(*params, 10).numpy())
