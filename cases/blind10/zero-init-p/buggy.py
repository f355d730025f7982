"""Low-rank adapters on a frozen intent classifier (new product, new wording)."""
import keras
import numpy as np
import tensorflow as tf

VOCAB, LENGTH, INTENTS, RANK = 60, 10, 4, 3


class LowRank(keras.layers.Layer):
    """y = W x + b + scale * U D x, with W and b kept as they are."""

    def __init__(self, dense, rank, scale=2.0, init="zeros", **kw):
        super().__init__(**kw)
        self.dense, self.rank, self.scale = dense, rank, scale
        self.dense.trainable = False
        self.init = keras.initializers.get(init)

    def build(self, shape):
        # the adapted model has to start out equal to the base model
        self.down = self.add_weight(name="down", shape=(shape[-1], self.rank), initializer=self.init)
        self.up = self.add_weight(name="up", shape=(self.rank, self.dense.units), initializer=self.init)

    def call(self, x):
        update = tf.matmul(tf.matmul(x, self.down), self.up)
        return self.dense.activation(tf.matmul(x, self.dense.kernel) + self.dense.bias + self.scale * update)


class IntentNet(keras.Model):
    def __init__(self):
        super().__init__()
        self.embed = keras.layers.Embedding(VOCAB, 16)
        self.h1 = keras.layers.Dense(32, activation="tanh")
        self.h2 = keras.layers.Dense(32, activation="tanh")
        self.out = keras.layers.Dense(INTENTS)

    def call(self, ids):
        x = tf.reduce_mean(self.embed(ids), axis=1)
        return self.out(self.h2(self.h1(x)))


class AdaptedNet(keras.Model):
    def __init__(self, base, rank):
        super().__init__()
        base.trainable = False
        self.embed, self.out = base.embed, base.out
        self.adapters = [LowRank(base.h1, rank, name="lora_1"), LowRank(base.h2, rank, name="lora_2")]

    def call(self, ids):
        x = tf.reduce_mean(self.embed(ids), axis=1)
        for layer in self.adapters:
            x = layer(x)
        return self.out(x)


def utterances(n, shift, seed):
    rng = np.random.RandomState(seed)
    intent = rng.randint(0, INTENTS, n)
    centre = (intent * (VOCAB // INTENTS) + shift) % VOCAB
    words = (centre[:, None] + rng.randint(0, 12, (n, LENGTH))) % VOCAB
    return tf.constant(words, tf.int32), tf.constant(intent, tf.int32)


def optimise(model, params, data, steps, lr):
    x, y = data
    opt = keras.optimizers.Adam(lr)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=model(x)))
        opt.apply_gradients(zip(tape.gradient(loss, params), params))
    hit = tf.argmax(model(x), -1, output_type=tf.int32) == y
    return float(loss), float(tf.reduce_mean(tf.cast(hit, tf.float32)))


if __name__ == "__main__":
    keras.utils.set_random_seed(9)
    net = IntentNet()
    old, new = utterances(300, 0, seed=1), utterances(300, 7, seed=2)
    net(old[0])
    print("base   loss %.4f acc %.2f" % optimise(net, net.trainable_variables, old, 60, 0.01))
    adapted = AdaptedNet(net, RANK)
    adapted(new[0])
    factors = [w for a in adapted.adapters for w in (a.down, a.up)]
    print("adapt  loss %.4f acc %.2f" % optimise(adapted, factors, new, 80, 0.01))
