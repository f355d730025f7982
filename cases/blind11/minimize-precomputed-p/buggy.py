"""SOM for colour quantisation, migrated from a TF1.14 class."""
import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np
import tensorflow as tf


class SOM(object):

    def __init__(self, m, n, dim, n_iterations=60, alpha=0.3, sigma=None):
        self._m, self._n = m, n
        self._n_iterations = int(n_iterations)
        self._alpha = float(alpha)
        self._sigma = max(m, n) / 2.0 if sigma is None else float(sigma)
        # weight vectors for all neurons, randomly initialised, shape [m*n, dim]
        self.weightage_vects = tf.Variable(tf.random.normal([m * n, dim], seed=1))
        # location of each neuron in the grid
        self._location_vects = tf.constant(np.array(list(self._neuron_locations(m, n))), dtype=tf.float32)

    def _neuron_locations(self, m, n):
        for i in range(m):
            for j in range(n):
                yield np.array([i, j])

    def respond(self, vect):
        """negative squared distance of every neuron to the input, used as logits"""
        return -tf.reduce_sum(tf.square(self.weightage_vects - vect), 1)

    def step(self, vect, iter_no):
        learning_rate_op = 1.0 - iter_no / float(self._n_iterations)
        alpha_op = self._alpha * learning_rate_op
        sigma_op = self._sigma * learning_rate_op + 1e-3

        self.output = self.respond(vect)
        bmu_index = tf.argmax(self.output)
        bmu_loc = tf.gather(self._location_vects, bmu_index)
        bmu_distance_squares = tf.reduce_sum(tf.square(self._location_vects - bmu_loc), 1)
        neighbourhood = tf.nn.softmax(-bmu_distance_squares / (sigma_op ** 2))

        loss = tf.nn.softmax_cross_entropy_with_logits(logits=self.output, labels=neighbourhood)
        optimizer = tf.keras.optimizers.SGD(learning_rate=alpha_op)
        optimizer.minimize(loss, [self.weightage_vects])
        return loss

    def train(self, input_vects):
        for iter_no in range(self._n_iterations):
            total = 0.0
            for input_vect in input_vects:
                total += float(self.step(input_vect, iter_no))
            if iter_no % 10 == 0:
                print("iteration", iter_no, "loss", total / len(input_vects))


colors = np.array(
    [[0., 0., 0.], [0., 0., 1.], [0., 0., 0.5], [0.125, 0.529, 1.0], [0.33, 0.4, 0.67], [0.6, 0.5, 1.0],
     [0., 1., 0.], [1., 0., 0.], [0., 1., 1.], [1., 0., 1.], [1., 1., 0.], [1., 1., 1.]], dtype="float32")
som = SOM(4, 5, 3)
som.train(colors)
