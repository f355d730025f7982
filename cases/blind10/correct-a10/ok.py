"""Session based recommender (graph mode, TF1 API). Sampled softmax warm-up, frozen item priors, clipped gradients."""
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()

N_ITEMS, SESSION, DIM = 40, 6, 12


def sessions(n, seed=0):
    rng = np.random.RandomState(seed)
    start = rng.randint(0, N_ITEMS, n)
    stride = rng.randint(1, 4, n)
    seq = (start[:, None] + stride[:, None] * np.arange(SESSION + 1)) % N_ITEMS
    return seq[:, :-1].astype(np.int32), seq[:, -1].astype(np.int32)


def dense(x, units, scope, activation=None):
    with tf.variable_scope(scope):
        w = tf.get_variable("w", [x.shape[-1], units], initializer=tf.glorot_uniform_initializer(seed=1))
        b = tf.get_variable("b", [units], initializer=tf.zeros_initializer())
        out = tf.matmul(x, w) + b
        return activation(out) if activation else out


class SessionModel:
    def __init__(self, popularity, lr=0.01, clip=1.0):
        self.items = tf.placeholder(tf.int32, [None, SESSION], name="items")
        self.target = tf.placeholder(tf.int32, [None], name="target")
        with tf.variable_scope("embeddings"):
            table = tf.get_variable("table", [N_ITEMS, DIM], initializer=tf.random_normal_initializer(stddev=0.1, seed=2))
            prior = tf.get_variable("prior", initializer=np.log(popularity + 1e-3).astype(np.float32), trainable=False)
        clicked = tf.nn.embedding_lookup(table, self.items)
        flat = tf.reshape(clicked, [-1, SESSION * DIM])
        hidden = dense(flat, 32, "hidden", tf.nn.relu)
        state = dense(hidden, DIM, "state")
        self.logits = tf.matmul(state, table, transpose_b=True) + tf.stop_gradient(prior)

        xent = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=self.target, logits=self.logits)
        confidence = tf.stop_gradient(1.0 - tf.exp(-xent))  # focal weight, treated as a constant
        self.loss = tf.reduce_mean((0.5 + confidence) * xent)
        best = tf.argmax(self.logits, axis=1, output_type=tf.int32)
        self.recall = tf.reduce_mean(tf.cast(tf.equal(best, self.target), tf.float32))

        self.step = tf.train.get_or_create_global_step()
        params = tf.trainable_variables()
        grads, self.norm = tf.clip_by_global_norm(tf.gradients(self.loss, params), clip)
        self.train_op = tf.train.AdamOptimizer(lr).apply_gradients(zip(grads, params), global_step=self.step)


def feed(model, x, y):
    return {model.items: x, model.target: y}


def main():
    tf.set_random_seed(5)
    x, y = sessions(600)
    model = SessionModel(np.bincount(y, minlength=N_ITEMS) / len(y))
    order = np.random.RandomState(5)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for epoch in range(8):
            losses = []
            for idx in np.array_split(order.permutation(len(x)), 15):
                _, loss = sess.run([model.train_op, model.loss], feed(model, x[idx], y[idx]))
                losses.append(loss)
            recall, norm = sess.run([model.recall, model.norm], feed(model, x, y))
            print("epoch %d loss %.3f recall@1 %.3f grad norm %.3f" % (epoch, np.mean(losses), recall, norm))


if __name__ == "__main__":
    main()
