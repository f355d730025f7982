# Matrix factorisation with side information, Keras 2
import os
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf

N_USERS, N_BOOKS, DIM = 60, 40, 8
tf.keras.utils.set_random_seed(21)


def simulate_log(rows=1200):
    rng = np.random.default_rng(9)
    taste, style = rng.normal(size=(N_USERS, 3)), rng.normal(size=(N_BOOKS, 3))
    u = rng.integers(0, N_USERS, rows)
    b = rng.integers(0, N_BOOKS, rows)
    stars = 3 + (taste[u] * style[b]).sum(1) * 0.6 + rng.normal(0, 0.2, rows)
    return {
        "user": u.astype("int32"),
        "book": b.astype("int32"),
        "year": rng.uniform(1950, 2020, rows).astype("float32"),
        "stars": np.clip(stars, 1, 5).astype("float32"),
    }


class Log2Dataset:
    """Turns the column store into batches; columns not needed by the net are dropped."""

    keep = ("user", "book", "year", "stars")

    def __init__(self, columns, batch=64):
        self.columns, self.batch = columns, batch

    @staticmethod
    def scale(row):
        row = dict(row)
        row["year"] = (row["year"] - 1985.0) / 20.0
        return row

    def slices(self, lo, hi):
        part = {k: self.columns[k][lo:hi] for k in self.keep}
        ds = tf.data.Dataset.from_tensor_slices(part)
        return ds.map(self.scale).shuffle(1024, seed=4).batch(self.batch)


def build():
    user = tf.keras.Input((), name="user", dtype="int32")
    book = tf.keras.Input((), name="book", dtype="int32")
    year = tf.keras.Input((1,), name="year")
    pu = tf.keras.layers.Embedding(N_USERS, DIM, embeddings_regularizer=tf.keras.regularizers.L2(1e-6))(user)
    qb = tf.keras.layers.Embedding(N_BOOKS, DIM)(book)
    inter = tf.keras.layers.Multiply()([pu, qb])
    h = tf.keras.layers.Concatenate()([inter, pu, qb, year])
    h = tf.keras.layers.Dense(16, activation="relu")(h)
    out = tf.keras.layers.Dense(1, name="stars_hat")(h)
    return tf.keras.Model({"user": user, "book": book, "year": year}, out)


log = Log2Dataset(simulate_log())
train, valid = log.slices(0, 1000), log.slices(1000, 1200)
model = build()
model.compile(optimizer="adam", loss="mse")
history = model.fit(train, epochs=4, verbose=0)
print("mse per epoch", [round(v, 3) for v in history.history["loss"]])
print("held out", round(model.evaluate(valid, verbose=0), 3))
