import numpy as np
import tensorflow as tf


class MaskMean(tf.keras.layers.Layer):
    """mean over the tokens that are not padding"""

    def __init__(self, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.dropout = tf.keras.layers.Dropout(rate)

    def call(self, hidden, mask, training=False):
        mask = tf.cast(mask, hidden.dtype)[..., None]
        mean = tf.reduce_sum(hidden * mask, 1) / tf.maximum(tf.reduce_sum(mask, 1), 1.0)
        return self.dropout(mean, training=training)


class Predict(tf.keras.layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.dense_layer = tf.keras.layers.Dense(units, activation="relu", name="full_connection")
        self.predict = tf.keras.layers.Dense(1, name="prediction")

    def call(self, x):
        return self.predict(self.dense_layer(x))


class Regulation(tf.keras.Model):
    """relevance of a regulation to a product description"""

    def __init__(self, vocab, dim=24):
        super().__init__()
        self.embedding = tf.keras.layers.Embedding(vocab, dim)
        self.mask_mean_layer = MaskMean()
        self.head = Predict()

    def call(self, tokens, training=False):
        hidden = self.embedding(tokens)
        pooled = self.mask_mean_layer(hidden, tokens > 0, training=training)
        return self.head(pooled)


class Runner:
    def __init__(self, model, lr=5e-3):
        self.model = model
        self.optimizer = tf.keras.optimizers.Adam(lr)
        self.loss = tf.keras.losses.BinaryCrossentropy(from_logits=True)
        self.variables = list(model.trainable_variables)

    def step(self, tokens, label):
        with tf.GradientTape() as tape:
            logits = self.model(tokens, training=True)
            loss = self.loss(label[:, None], logits)
        grads = tape.gradient(loss, self.variables)
        self.optimizer.apply_gradients(zip(grads, self.variables))
        return float(loss)


tf.keras.utils.set_random_seed(14)
lengths = np.random.randint(4, 15, size=512)
tokens = np.where(np.arange(14)[None] < lengths[:, None], np.random.randint(1, 60, size=(512, 14)), 0)
labels = (np.isin(tokens, [3, 17, 25, 44]).any(1)).astype("float32")

Rmodel = Regulation(vocab=60)
Rmodel(tokens[:1])
runner = Runner(Rmodel)
for epoch in range(6):
    losses = [runner.step(tokens[k:k + 64], labels[k:k + 64]) for k in range(0, 512, 64)]
    print("epoch", epoch, "loss", round(float(np.mean(losses)), 4))
