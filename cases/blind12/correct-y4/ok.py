import numpy as np
import tensorflow as tf
from tensorflow import keras


class Streaming(keras.layers.Layer):
    """Retrieves the K best candidates, block after block, and counts the rows that it has gone through."""

    def __init__(self, k=5, block=16, **kwargs):
        super().__init__(**kwargs)
        self._k, self._block = k, block
        self._counter = self.add_weight(name="counter", shape=(), dtype="int32", initializer="zeros", trainable=False)

    def call(self, queries, candidates):
        best_scores = tf.fill([tf.shape(queries)[0], self._k], -1e9)
        best_ids = tf.zeros([tf.shape(queries)[0], self._k], tf.int32)
        total = candidates.shape[0]
        self._counter.assign(0)
        for start in range(0, total, self._block):
            block = candidates[start:start + self._block]
            ids = self._counter + tf.range(tf.shape(block)[0])
            self._counter.assign_add(tf.shape(block)[0])
            scores = tf.matmul(queries, block, transpose_b=True)
            scores = tf.concat([best_scores, scores], axis=1)
            ids = tf.concat([best_ids, tf.tile(ids[None], [tf.shape(queries)[0], 1])], axis=1)
            best_scores, top = tf.math.top_k(scores, self._k)
            best_ids = tf.gather(ids, top, batch_dims=1)
        return best_scores, best_ids


class FactorizedTopK:
    def __init__(self, candidates, k=5):
        self._candidates = candidates
        self._index = Streaming(k)
        self.metric = keras.metrics.Mean(name=f"top_{k}_accuracy")

    def update_state(self, queries, true_ids):
        _, ids = self._index(queries, self._candidates())
        self.metric.update_state(tf.cast(tf.reduce_any(tf.equal(ids, true_ids[:, None]), axis=1), tf.float32))


class MovielensModel(keras.Model):
    def __init__(self, num_users, num_movies, dim=12):
        super().__init__()
        self.query_model = keras.Sequential([keras.Input((), dtype="int32"), keras.layers.Embedding(num_users, dim)])
        self.candidate_model = keras.Sequential([keras.Input((), dtype="int32"), keras.layers.Embedding(num_movies, dim)])
        self.all_movies = tf.range(num_movies)
        self.top_k = FactorizedTopK(lambda: self.candidate_model(self.all_movies))
        self.steps = tf.Variable(0, trainable=False, dtype=tf.int64)
        self.loss_tracker = keras.metrics.Mean(name="loss")

    def retrieval_task(self, query_embeddings, candidate_embeddings, candidate_ids, compute_metrics):
        scores = tf.matmul(query_embeddings, candidate_embeddings, transpose_b=True)
        # in-batch negatives, but not the same movie again
        duplicate = tf.cast(tf.equal(candidate_ids[:, None], candidate_ids[None]), tf.float32)
        scores -= 1e9 * (duplicate - tf.eye(tf.shape(scores)[0]))
        labels = tf.eye(tf.shape(scores)[0])
        if compute_metrics:
            self.top_k.update_state(query_embeddings, candidate_ids)
        return tf.reduce_sum(tf.nn.softmax_cross_entropy_with_logits(labels, scores))

    def compute_retrieval_loss(self, features, compute_metrics=False):
        return self.retrieval_task(self.query_model(features["user_id"]), self.candidate_model(features["movie_id"]),
                                   features["movie_id"], compute_metrics)

    def train_step(self, features):
        with tf.GradientTape() as tape:
            self.steps.assign_add(1)
            loss = self.compute_retrieval_loss(features, compute_metrics=True)
            regularization_loss = sum(self.losses)
            total_loss = loss + regularization_loss
        gradients = tape.gradient(total_loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result(), "top_5": self.top_k.metric.result()}

    @property
    def metrics(self):
        return [self.loss_tracker, self.top_k.metric]


keras.utils.set_random_seed(8)
rs = np.random.RandomState(8)
users = rs.randint(0, 30, 480)
movies = (users % 6) * 8 + rs.randint(0, 8, 480)
ratings = tf.data.Dataset.from_tensor_slices({"user_id": users.astype("int32"), "movie_id": movies.astype("int32")})
model = MovielensModel(30, 48)
model.compile(optimizer=keras.optimizers.Adagrad(0.3))
history = model.fit(ratings.shuffle(480, seed=0).batch(48), epochs=5, verbose=0)
for name, values in history.history.items():
    print(name, [round(float(v), 3) for v in values])
print("steps", int(model.steps.numpy()))
