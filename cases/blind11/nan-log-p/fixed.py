"""Variational autoencoder on small binary pictures, graph mode."""
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()


def weight_variable(shape, name):
    return tf.get_variable(name + "_w", shape, initializer=tf.glorot_uniform_initializer(seed=len(name)))


def bias_variable(shape, name):
    return tf.get_variable(name + "_b", shape, initializer=tf.constant_initializer(0.0))


def linear(x, n_units, name, activation=lambda x: x):
    n_in = x.get_shape().as_list()[1]
    return activation(tf.matmul(x, weight_variable([n_in, n_units], name)) + bias_variable([n_units], name))


def VAE(n_inputs, n_encoder, n_hidden, activation=tf.nn.tanh):
    """returns a dict with the interesting nodes of the graph"""
    x = tf.placeholder(tf.float32, [None, n_inputs], name="x")

    h = x
    for k, n in enumerate(n_encoder):
        h = linear(h, n, "encoder%d" % k, activation)
    z_mu = linear(h, n_hidden, "mu")
    z_log_sigma = 0.5 * linear(h, n_hidden, "log_sigma")

    # Sample from noise distribution p(eps) ~ N(0, 1)
    epsilon = tf.random_normal(tf.stack([tf.shape(x)[0], n_hidden]), seed=4)
    z = z_mu + epsilon * tf.exp(z_log_sigma)

    h = z
    for k, n in enumerate(reversed(n_encoder)):
        h = linear(h, n, "decoder%d" % k, activation)
    y = linear(h, n_inputs, "reconstruction", tf.nn.sigmoid)

    # p(x|z)
    log_px_given_z = -tf.reduce_sum(x * tf.log(y + 1e-10) + (1 - x) * tf.log(1 - y + 1e-10), 1)
    # d_kl(q(z|x)||p(z))
    kl_div = -0.5 * tf.reduce_sum(1.0 + 2.0 * z_log_sigma - tf.square(z_mu) - tf.exp(2.0 * z_log_sigma), 1)
    loss = tf.reduce_mean(log_px_given_z + kl_div)
    return {"cost": loss, "x": x, "z": z, "y": y}


def bars(n, size=8, seed=0):
    rng = np.random.RandomState(seed)
    imgs = np.zeros((n, size, size), "float32")
    for k in range(n):
        if rng.rand() < 0.5:
            imgs[k, rng.randint(size)] = 1
        else:
            imgs[k, :, rng.randint(size)] = 1
    return imgs.reshape(n, -1)


def main():
    xs = bars(512)
    ae = VAE(n_inputs=64, n_encoder=[32, 24], n_hidden=3)
    optimizer = tf.train.AdamOptimizer(0.005).minimize(ae["cost"])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for epoch_i in range(8):
            costs = []
            for k in range(0, len(xs), 64):
                cost, _ = sess.run([ae["cost"], optimizer], feed_dict={ae["x"]: xs[k:k + 64]})
                costs.append(cost)
            print(epoch_i, np.mean(costs))


if __name__ == "__main__":
    main()
