# Implicit feedback factorisation, alternating optimisation, TF1 graph code kept alive with compat.v1
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()

flags = dict(users=40, songs=30, rank=4, reg=1e-3, rounds=6, inner=25)


def play_counts(seed=0):
    rng = np.random.RandomState(seed)
    taste = rng.gamma(1.0, 1.0, (flags["users"], 3))
    style = rng.gamma(1.0, 1.0, (flags["songs"], 3))
    return rng.poisson(taste @ style.T * 0.4).astype(np.float32)


def scoped_vars(scope):
    return tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope=scope)


class AlternatingFactoriser:
    def __init__(self, plays):
        self.played = tf.constant((plays > 0).astype(np.float32))
        self.confidence = tf.constant(1.0 + 2.0 * np.log1p(plays))
        popularity = np.log1p(plays.sum(0)) / np.log1p(plays.sum(0)).max()
        self.popularity = tf.Variable(popularity[None].astype(np.float32), trainable=False, name="popularity")
        with tf.variable_scope("user_side"):
            self.u = tf.get_variable("factors", [flags["users"], flags["rank"]],
                                     initializer=tf.random_normal_initializer(stddev=0.1, seed=1))
        with tf.variable_scope("song_side"):
            self.s = tf.get_variable("factors", [flags["songs"], flags["rank"]],
                                     initializer=tf.random_normal_initializer(stddev=0.1, seed=2))
            self.offset = tf.get_variable("offset", [1, flags["songs"]], initializer=tf.zeros_initializer())
        self.loss = self._objective()
        self.user_step = self._half_step("user_side", 0.05)
        self.song_step = self._half_step("song_side", 0.05)
        ranks = tf.argsort(self.scores, axis=1, direction="DESCENDING")[:, :5]
        self.precision = tf.reduce_mean(tf.gather(self.played, ranks, batch_dims=1))

    def _objective(self):
        self.scores = tf.matmul(self.u, self.s, transpose_b=True) + self.offset + 0.1 * self.popularity
        fit = tf.reduce_mean(self.confidence * tf.square(self.played - self.scores))
        return fit + flags["reg"] * (tf.nn.l2_loss(self.u) + tf.nn.l2_loss(self.s))

    def _half_step(self, scope, lr):
        with tf.variable_scope("opt_" + scope):
            return tf.train.AdamOptimizer(lr).minimize(self.loss, var_list=scoped_vars(scope))


def main():
    tf.set_random_seed(3)
    model = AlternatingFactoriser(play_counts())
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        fetch = {"loss": model.loss, "p@5": model.precision}
        for r in range(flags["rounds"]):
            for _ in range(flags["inner"]):
                sess.run(model.user_step)
            for _ in range(flags["inner"]):
                sess.run(model.song_step)
            print("round", r, {k: round(float(v), 4) for k, v in sess.run(fetch).items()})
        u, s, b = sess.run([model.u, model.s, model.offset])
        print("norms", np.linalg.norm(u).round(3), np.linalg.norm(s).round(3), np.linalg.norm(b).round(3))


if __name__ == "__main__":
    main()
