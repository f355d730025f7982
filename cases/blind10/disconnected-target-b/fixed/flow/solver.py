import tensorflow as tf


class Solver:
    def __init__(self, net, problem, lr):
        self.net = net
        self.problem = problem
        self.opt = tf.keras.optimizers.Adam(lr)

    def sample(self, n):
        return tf.random.uniform([n, 1], -1.0, 1.0), tf.random.uniform([n, 1], 0.0, 1.0)

    def step(self, n):
        x, t = self.sample(n)
        params = self.net.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.problem.loss(x, t)
        self.opt.apply_gradients(zip(tape.gradient(loss, params), params))
        return loss
