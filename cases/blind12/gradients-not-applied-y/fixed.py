import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()


def zero_nil_slot(t, name=None):
    """Sets the first row to zero (id 0 is the padding word)."""
    with tf.name_scope(name or "zero_nil_slot"):
        s = tf.shape(t)[1]
        z = tf.zeros(tf.stack([1, s]))
        return tf.concat([z, tf.slice(t, [1, 0], [-1, -1])], 0)


class MemN2N(object):
    def __init__(self, batch_size, vocab_size, sentence_size, memory_size, embedding_size, session,
                 hops=2, max_grad_norm=40.0, optimizer=None):
        self._batch_size, self._vocab_size, self._sentence_size = batch_size, vocab_size, sentence_size
        self._memory_size, self._embedding_size, self._hops = memory_size, embedding_size, hops
        self._opt = optimizer or tf.train.AdamOptimizer(learning_rate=1e-2)
        self._sess = session
        self._stories = tf.placeholder(tf.int32, [None, memory_size, sentence_size], name="stories")
        self._queries = tf.placeholder(tf.int32, [None, sentence_size], name="queries")
        self._answers = tf.placeholder(tf.int32, [None], name="answers")

        init = tf.random_normal_initializer(stddev=0.1, seed=1)
        with tf.variable_scope("MemN2N"):
            self.A = tf.get_variable("A", [vocab_size, embedding_size], initializer=init)
            self.C = tf.get_variable("C", [vocab_size, embedding_size], initializer=init)
            self.W = tf.get_variable("W", [embedding_size, vocab_size], initializer=init)

        logits = self._inference(self._stories, self._queries)
        cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=self._answers)
        self.loss_op = tf.reduce_sum(cross_entropy)
        self.predict_op = tf.argmax(logits, 1)

        grads_and_vars = self._opt.compute_gradients(self.loss_op)
        grads_and_vars = [(tf.clip_by_norm(g, max_grad_norm), v) for g, v in grads_and_vars]
        apply_op = self._opt.apply_gradients(grads_and_vars, name="apply")
        # the padding rows must not be changed by the gradients, so they are reset afterwards
        with tf.control_dependencies([apply_op]):
            reset_ops = [tf.assign(v, zero_nil_slot(v)) for v in (self.A, self.C)]
        self.train_op = tf.group(*reset_ops, name="train_op")
        self._sess.run(tf.global_variables_initializer())

    def _inference(self, stories, queries):
        u = tf.reduce_sum(tf.nn.embedding_lookup(self.A, queries), 1)
        for _ in range(self._hops):
            m = tf.reduce_sum(tf.nn.embedding_lookup(self.A, stories), 2)
            probs = tf.nn.softmax(tf.reduce_sum(m * tf.expand_dims(u, 1), 2))
            c = tf.reduce_sum(tf.nn.embedding_lookup(self.C, stories), 2)
            u = u + tf.reduce_sum(c * tf.expand_dims(probs, -1), 1)
        return tf.matmul(u, self.W)

    def batch_fit(self, stories, queries, answers):
        feed_dict = {self._stories: stories, self._queries: queries, self._answers: answers}
        loss, _ = self._sess.run([self.loss_op, self.train_op], feed_dict=feed_dict)
        return loss

    def predict(self, stories, queries):
        return self._sess.run(self.predict_op, feed_dict={self._stories: stories, self._queries: queries})


def toy_task(n=160, memory_size=4, seed=0):
    # "who is where": sentence = (person, place), query = (person, 0), answer = place
    rs = np.random.RandomState(seed)
    stories = np.stack([np.stack([rs.permutation(4) + 1, rs.randint(5, 9, memory_size)], 1) for _ in range(n)])
    asked = rs.randint(0, memory_size, n)
    queries = np.stack([stories[np.arange(n), asked, 0], np.zeros(n, int)], 1)
    return stories, queries, stories[np.arange(n), asked, 1]


S, Q, A = toy_task()
with tf.Session() as sess:
    model = MemN2N(32, 9, 2, 4, 16, sess)
    for epoch in range(1, 31):
        cost = sum(model.batch_fit(S[i:i + 32], Q[i:i + 32], A[i:i + 32]) for i in range(0, len(S), 32))
        if epoch % 10 == 0:
            print("epoch", epoch, "total cost", round(float(cost), 3), "accuracy", np.mean(model.predict(S, Q) == A))
