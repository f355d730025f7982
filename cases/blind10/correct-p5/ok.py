import keras
import numpy as np
import tensorflow as tf
from keras import layers


class AccumulatingModel(keras.Model):
    """Large effective batch on a small card: sums gradients over `every` micro batches."""

    def __init__(self, *args, every=4, **kwargs):
        super().__init__(*args, **kwargs)
        self.every = every
        self.micro = tf.Variable(0, trainable=False, dtype=tf.int32)
        self.bce = keras.metrics.Mean(name="bce")
        self.bank = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self.trainable_variables]

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            y_hat = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_hat) / self.every
        grads = tape.gradient(loss, self.trainable_variables)
        for slot, g in zip(self.bank, grads):
            slot.assign_add(tf.convert_to_tensor(g))
        self.micro.assign_add(1)
        tf.cond(tf.equal(self.micro % self.every, 0), self._flush, lambda: None)
        self.bce.update_state(loss * self.every)
        return self.compute_metrics(x, y, y_hat)

    def _flush(self):
        self.optimizer.apply_gradients([(slot.value(), v) for slot, v in zip(self.bank, self.trainable_variables)])
        for slot in self.bank:
            slot.assign(tf.zeros_like(slot))


VOCAB, LEN = 80, 14


def reviews(n):
    rng = np.random.RandomState(41)
    ids = rng.randint(1, VOCAB, (n, LEN))
    mood = np.where(ids < 20, 1, np.where(ids > 60, -1, 0)).sum(1)
    return ids.astype("int32"), (mood > 0).astype("float32")[:, None]


def build():
    ids = keras.Input((LEN,), dtype="int32")
    e = layers.Embedding(VOCAB, 12)(ids)
    h = layers.SeparableConv1D(16, 3, activation="relu")(e)
    h = layers.Concatenate()([layers.GlobalAveragePooling1D()(h), layers.GlobalMaxPooling1D()(h)])
    return AccumulatingModel(ids, layers.Dense(1, activation="sigmoid")(h), every=4)


if __name__ == "__main__":
    keras.utils.set_random_seed(41)
    ids, label = reviews(640)
    net = build()
    opt = keras.optimizers.Adam(0.02)
    opt.build(net.trainable_variables)
    net.compile(optimizer=opt, loss="binary_crossentropy", metrics=["accuracy"])
    log = net.fit(ids, label, batch_size=8, epochs=4, verbose=0)
    print("loss", [round(v, 3) for v in log.history["bce"]])
    print("acc ", [round(v, 3) for v in log.history["accuracy"]])
    print("micro batches", int(net.micro), "updates", int(opt.iterations))
