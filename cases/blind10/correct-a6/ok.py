"""Language model on a toy grammar with gradient accumulation and an exponential moving average of the weights."""
import contextlib

import keras
import numpy as np
import tensorflow as tf

VOCAB, CONTEXT = 24, 12


def corpus(n_tokens, seed=0):
    rng = np.random.default_rng(seed)
    nxt = rng.permutation(VOCAB)
    out = [0]
    for _ in range(n_tokens - 1):
        out.append(int(nxt[out[-1]]) if rng.random() < 0.85 else int(rng.integers(VOCAB)))
    return np.array(out, "int32")


def windows(tokens, batch):
    ds = tf.data.Dataset.from_tensor_slices(tokens).batch(CONTEXT + 1, drop_remainder=True)
    return ds.map(lambda w: (w[:-1], w[1:])).shuffle(500, seed=0).batch(batch, drop_remainder=True)


class Accumulator:
    """Sums gradients of several micro-batches before one optimizer step."""

    def __init__(self, variables, every):
        self.variables = variables
        self.every = every
        self.buffers = [tf.Variable(tf.zeros(v.shape), trainable=False) for v in variables]
        self.seen = tf.Variable(0, trainable=False, dtype=tf.int64)

    def add(self, grads):
        for buf, g in zip(self.buffers, grads):
            buf.assign_add(tf.convert_to_tensor(g) / self.every)
        self.seen.assign_add(1)

    def ready(self):
        return int(self.seen.numpy()) % self.every == 0

    def flush(self, optimizer):
        optimizer.apply_gradients([(tf.convert_to_tensor(b), v) for b, v in zip(self.buffers, self.variables)])
        for buf in self.buffers:
            buf.assign(tf.zeros_like(buf))


class Averager:
    def __init__(self, variables, decay):
        self.live = variables
        self.decay = decay
        self.shadow = [v.numpy().copy() for v in variables]

    def update(self):
        for s, v in zip(self.shadow, self.live):
            s *= self.decay
            s += (1.0 - self.decay) * v.numpy()

    @contextlib.contextmanager
    def swapped(self):
        backup = [v.numpy().copy() for v in self.live]
        for v, s in zip(self.live, self.shadow):
            v.assign(s)
        try:
            yield
        finally:
            for v, b in zip(self.live, backup):
                v.assign(b)


def build(dim=24):
    ids = keras.Input((CONTEXT,), dtype="int32")
    h = keras.layers.Embedding(VOCAB, dim)(ids)
    h = keras.layers.GRU(dim, return_sequences=True)(h)
    return keras.Model(ids, keras.layers.Dense(VOCAB)(h))


def nll(model, x, y):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=model(x)))


def main():
    keras.utils.set_random_seed(70)
    train = windows(corpus(4000), batch=16)
    model, opt = build(), keras.optimizers.Adam(2e-2)
    acc = Accumulator(model.trainable_variables, every=2)
    ema = Averager(model.trainable_variables, decay=0.8)

    @tf.function
    def backward(x, y):
        with tf.GradientTape() as tape:
            loss = nll(model, x, y)
        return loss, tape.gradient(loss, model.trainable_variables)

    for epoch in range(5):
        log = []
        for x, y in train:
            loss, grads = backward(x, y)
            acc.add(grads)
            if acc.ready():
                acc.flush(opt)
                ema.update()
            log.append(float(loss))
        with ema.swapped():
            smooth = float(np.mean([nll(model, x, y).numpy() for x, y in train.take(5)]))
        print(f"epoch {epoch} nll {np.mean(log):.3f} ema nll {smooth:.3f}")


main()
